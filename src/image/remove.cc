// Images: untagging and deleting by docker's rules (graph driver store), with its sentences.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "archive/sha256.h"
#include "base/strings.h"
#include "image/images_parts.h"

namespace wherry::image {
namespace {

std::string short_id(const std::string& id) { return id.substr(0, 12); }

// Docker's "single reference": at most one tag, and every digest name of the same repository.
bool is_single_reference(const std::vector<spec::Reference>& names) {
  if (names.size() <= 1) return true;
  std::size_t tags = 0;
  std::set<std::string> digested;
  const spec::Reference* single = &names.front();
  for (const spec::Reference& name : names) {
    if (!name.digest.empty()) digested.insert(name.name());
    else if (++tags == 1) single = &name;
  }
  return tags <= 1 && digested.size() == 1 && digested.contains(single->name());
}

// OCI image-spec, "Layer ChainID": chain[n] = sha256(chain[n-1] + " " + diff[n]).
std::vector<Digest> chain_ids(const Record& record) {
  std::vector<Digest> chain;
  for (const Layer& layer : record.layers) {
    if (chain.empty()) chain.push_back(layer.diff_id);
    else chain.push_back(archive::Sha256::of(chain.back().str() + " " + layer.diff_id.str()));
  }
  return chain;
}

// Did the user give (a prefix of) the image's id, not a name of it?
bool names_id(const ImageId& id, std::string_view name) {
  return id.str().starts_with(name) || id.hex().starts_with(name);
}

}  // namespace

// One remove(): what has happened so far, and the checks before each step.
class RemoveImage {
 public:
  RemoveImage(Images::Parts& parts, RemoveOptions options) : parts_(parts), options_(options) {}

  Result<std::vector<Removal>> run(std::string_view name) {
    const RecordPtr record = TRY(parts_.catalog->find(name));
    const bool by_id = names_id(record->id, name) && !is_name_of(name);
    if (by_id) TRY(remove_only_references(*record));
    else if (!TRY(remove_reference(*record, name))) return std::move(removals_);
    TRY(delete_image(*record, options_.force ? Force::Yes : Force::No,
                     by_id ? Quiet::No : Quiet::Yes));
    return std::move(removals_);
  }

 private:
  enum class Force : bool { No, Yes };
  enum class Quiet : bool { No, Yes };
  enum class References : bool { Ignore, Check };
  struct Conflict {
    std::string message;
    bool used = false;
  };

  bool is_name_of(std::string_view name) const {
    const auto reference = spec::parse_reference(name);
    return reference && parts_.catalog->by_reference(*reference) != nullptr;
  }

  std::vector<User> users_of(const ImageId& id) const {
    const auto users = parts_.hooks.lock()->users;
    return users ? users(id) : std::vector<User>();
  }

  Result<> untag(const spec::Reference& name, const Record& record, bool tell) {
    TRY(parts_.catalog->remove_name(name));
    removals_.push_back({Removal::Kind::Untagged, name.familiar()});
    if (tell)
      parts_.tell("untag", record.id.str(), parts_.catalog->get(record.id), name.familiar());
    if (!name.digest.empty()) named_.push_back(name.digest);
    return {};
  }

  // False: names are left, so the image stays.
  Result<bool> remove_reference(const Record& record, std::string_view typed) {
    auto names = parts_.catalog->names_of(record.id);
    if (!options_.force && is_single_reference(names)) {
      const auto users = users_of(record.id);
      if (!users.empty())
        return Error::conflict(fmt::format(
            "conflict: unable to remove repository reference {} (must force) - container {} is "
            "using its referenced image {}",
            quote(typed), short_id(users.front().container_id), record.id.short_form()));
    }
    spec::Reference name = TRY(spec::parse_reference(typed)).with_default_tag();
    if (!name.digest.empty()) name.tag.clear();
    TRY(untag(name, record, true));
    names = parts_.catalog->names_of(record.id);
    const bool tagged_beside = std::ranges::any_of(names, [&](const spec::Reference& other) {
      return other.digest.empty() && other.name() == name.name();
    });
    if (name.digest.empty() && !tagged_beside) {
      // The last tag of a repository takes the repository's digests along.
      for (const spec::Reference& other : names)
        if (!other.digest.empty() && other.name() == name.name()) TRY(untag(other, record, false));
    }
    return parts_.catalog->names_of(record.id).empty();
  }

  Result<> remove_only_references(const Record& record) {
    const auto names = parts_.catalog->names_of(record.id);
    if (!is_single_reference(names)) return {};
    const Force force = options_.force ? Force::Yes : Force::No;
    if (const auto conflict = find_conflict(record, force, References::Ignore))
      return Error::conflict(conflict->message);
    for (const spec::Reference& name : names) TRY(untag(name, record, name.digest.empty()));
    return {};
  }

  std::optional<Conflict> find_conflict(const Record& record, Force force,
                                        References references) const {
    const auto say = [&](bool hard, const std::string& why) {
      return fmt::format("conflict: unable to delete {} ({}) - {}", record.id.short_form(),
                         hard ? "cannot be forced" : "must be forced", why);
    };
    if (!parts_.catalog->children_of(record.id).empty())
      return Conflict{say(true, "image has dependent child images")};
    const auto users = users_of(record.id);
    const auto running = std::ranges::find_if(users, &User::running);
    if (running != users.end())
      return Conflict{say(true, "image is being used by running container " +
                                    short_id(running->container_id)),
                      true};
    if (force == Force::Yes) return std::nullopt;
    if (references == References::Check && parts_.catalog->names_of(record.id).size() > 1)
      return Conflict{say(false, "image is referenced in multiple repositories")};
    if (!users.empty())
      return Conflict{say(false, "image is being used by stopped container " +
                                     short_id(users.front().container_id)),
                      true};
    return std::nullopt;
  }

  Result<> delete_image(const Record& record, Force force, Quiet quiet) {
    if (const auto conflict = find_conflict(record, force, References::Check)) {
      // After an untag only a dangling image that nothing uses is worth the complaint. One with
      // children is not dangling.
      const bool dangling = parts_.catalog->names_of(record.id).empty() &&
                            parts_.catalog->children_of(record.id).empty();
      if (quiet == Quiet::Yes && (!dangling || conflict->used)) return {};
      return Error::conflict(conflict->message);
    }
    const RecordPtr kept = parts_.catalog->get(record.id);
    if (!kept) return {};
    for (const spec::Reference& name : parts_.catalog->names_of(record.id))
      TRY(untag(name, record, false));
    TRY(parts_.catalog->remove(record.id));
    TRY(parts_.discard(*kept, named_));
    parts_.tell("delete", record.id.str(), kept, record.id.str());
    removals_.push_back({Removal::Kind::Deleted, record.id.str()});
    report_layers(*kept);
    if (options_.no_prune || !kept->parent) return {};
    const RecordPtr parent = parts_.catalog->get(*kept->parent);
    if (!parent || !parts_.catalog->names_of(parent->id).empty()) return {};
    return delete_image(*parent, Force::No, Quiet::Yes);
  }

  // docker names the layers that went with it by chain id, top first.
  void report_layers(const Record& removed) {
    std::set<Digest> kept;
    for (const RecordPtr& other : parts_.catalog->all()) kept.merge(chain_set(*other));
    auto chain = chain_ids(removed);
    std::ranges::reverse(chain);
    for (const Digest& id : chain)
      if (!kept.contains(id)) removals_.push_back({Removal::Kind::Deleted, id.str()});
  }

  static std::set<Digest> chain_set(const Record& record) {
    const auto chain = chain_ids(record);
    return {chain.begin(), chain.end()};
  }

  Images::Parts& parts_;
  const RemoveOptions options_;
  std::vector<Removal> removals_;
  std::vector<Digest> named_;  // digests that removed names carried: indexes
};

Result<std::vector<Removal>> Images::remove(std::string_view name, const RemoveOptions& options) {
  return RemoveImage(*parts_, options).run(name);
}

}  // namespace wherry::image
