#include "spec/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace wherry::spec {
namespace {

constexpr std::string_view kOfficial = "library/";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool has_upper(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

Error invalid_format() { return Error::invalid("invalid reference format"); }

// One piece of a host name: letters and digits, "-" inside only.
bool valid_domain_label(std::string_view label) {
  return !label.empty() && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
         std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool valid_port(std::string_view port) {
  return !port.empty() && std::ranges::all_of(port, is_digit);
}

bool valid_domain(std::string_view domain) {
  std::string_view host = domain;
  if (domain.starts_with('[')) {
    const std::size_t close = domain.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const std::string_view address = domain.substr(1, close - 1);
    if (!std::ranges::all_of(address, [](char c) { return is_hex(c) || c == ':'; })) return false;
    const std::string_view rest = domain.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
  }
  if (const auto parts = cut(domain, ':')) {
    if (!valid_port(parts->after)) return false;
    host = parts->before;
  }
  return std::ranges::all_of(split(host, '.'), valid_domain_label);
}

// Length of the separator at the start of `text`: ".", "_", "__", or dashes; 0 if there is none.
std::size_t separator_length(std::string_view text) {
  if (text.starts_with("__")) return 2;
  if (text.starts_with('.') || text.starts_with('_')) return 1;
  const std::size_t other = text.find_first_not_of('-');
  return other == std::string_view::npos ? text.size() : other;
}

// [a-z0-9]+ ( separator [a-z0-9]+ )*
bool valid_path_component(std::string_view text) {
  while (true) {
    std::size_t word = 0;
    while (word < text.size() && is_lower_or_digit(text[word])) ++word;
    if (word == 0) return false;
    text.remove_prefix(word);
    if (text.empty()) return true;
    const std::size_t separator = separator_length(text);
    if (separator == 0) return false;
    text.remove_prefix(separator);
  }
}

bool valid_path(std::string_view path) {
  return std::ranges::all_of(split(path, '/'), valid_path_component);
}

bool valid_tag(std::string_view tag) {
  const auto word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kMaximumTag && word(tag.front()) &&
         std::ranges::all_of(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// What the grammar itself accepts behind "@": algorithm ":" at least 32 hex characters.
bool looks_like_digest(std::string_view text) {
  const auto parts = cut(text, ':');
  return parts && !parts->before.empty() && is_letter(parts->before.front()) &&
         parts->after.size() >= 32 && std::ranges::all_of(parts->after, is_hex);
}

struct Split {
  std::string domain;
  std::string_view remainder;
};

// A first component is a host only if it could not be a user of Docker Hub.
Split split_domain(std::string_view text) {
  const auto parts = cut(text, '/');
  const bool has_host =
      parts && (parts->before.find_first_of(".:") != std::string_view::npos ||
                parts->before == "localhost" || has_upper(parts->before));
  if (!has_host) return {std::string(kDockerHub), text};
  if (parts->before == "index.docker.io") return {std::string(kDockerHub), parts->after};
  return {std::string(parts->before), parts->after};
}

// The part of `remainder` before its tag and digest. A tag's colon comes after the last slash.
std::string_view path_of(std::string_view remainder) {
  const std::string_view named = remainder.substr(0, remainder.find('@'));
  return named.substr(0, named.find(':'));
}

}  // namespace

std::string Reference::familiar_name() const {
  if (domain != kDockerHub) return name();
  if (path.starts_with(kOfficial) && path.find('/', kOfficial.size()) == std::string::npos)
    return path.substr(kOfficial.size());
  // "docker.io/evil.example/x" without its host would be read as another registry's, and
  // "docker.io/docker.io/x" as docker.io/library/x.
  const Split without_host = split_domain(path);
  return without_host.domain == kDockerHub && without_host.remainder == path ? path : name();
}

namespace {

std::string with_suffix(std::string name, const Reference& reference) {
  if (!reference.tag.empty()) name += ":" + reference.tag;
  if (!reference.digest.empty()) name += "@" + reference.digest.str();
  return name;
}

}  // namespace

std::string Reference::str() const { return with_suffix(name(), *this); }

std::string Reference::familiar() const { return with_suffix(familiar_name(), *this); }

Reference Reference::with_default_tag() const {
  Reference copy = *this;
  if (copy.name_only()) copy.tag = "latest";
  return copy;
}

Result<Reference> parse_reference(std::string_view text) {
  if (text.size() == 64 && std::ranges::all_of(text, [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'f');
      }))
    return Error::invalid(fmt::format(
        "invalid repository name ({}), cannot specify 64-byte hexadecimal strings", text));

  const Split parts = split_domain(text);
  Reference reference{.domain = parts.domain, .path = std::string(path_of(parts.remainder))};
  std::string_view rest = parts.remainder.substr(reference.path.size());
  if (reference.domain == kDockerHub && reference.path.find('/') == std::string::npos)
    reference.path.insert(0, kOfficial);
  if (has_upper(reference.path))
    return Error::invalid(fmt::format(
        "invalid reference format: repository name ({}) must be lowercase", reference.path));
  if (!valid_domain(reference.domain) || !valid_path(reference.path)) return invalid_format();

  if (rest.starts_with(':')) {
    reference.tag = rest.substr(1, rest.find('@') == rest.npos ? rest.npos : rest.find('@') - 1);
    if (!valid_tag(reference.tag)) return invalid_format();
    rest.remove_prefix(reference.tag.size() + 1);
  }
  if (rest.starts_with('@')) {
    if (!looks_like_digest(rest.substr(1))) return invalid_format();
    reference.digest = TRY(Digest::parse(rest.substr(1)));
  }
  if (reference.path.size() > kMaximumRepositoryPath)
    return Error::invalid(fmt::format("repository name must not be more than {} characters",
                                      kMaximumRepositoryPath));
  return reference;
}

Result<> check_tag(std::string_view tag) {
  if (!valid_tag(tag)) return Error::invalid("invalid tag format");
  return {};
}

bool looks_like_image_id(std::string_view text) {
  const bool prefixed = text.starts_with("sha256:");
  if (prefixed) text.remove_prefix(7);
  const bool hex =
      std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  if (!hex || text.empty() || text.size() > 64) return false;
  return prefixed || text.size() == 64;
}

}  // namespace wherry::spec
