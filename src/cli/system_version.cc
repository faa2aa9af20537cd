// version.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "base/strings.h"
#include "base/time.h"
#include "cli/go_template.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

// There is no Go in it, and no build date, so that builds are reproducible.
constexpr std::string_view kNotGo = "none (C++23)";

bj::object client_version(const std::string& api_version, const std::string& context) {
  return {{"Version", WHERRY_VERSION},
          {"ApiVersion", api_version},
          {"DefaultAPIVersion", client::kApiVersion},
          {"GitCommit", ""},
          {"GoVersion", kNotGo},
          {"Os", "linux"},
          {"Arch", "amd64"},
          {"BuildTime", ""},
          {"Context", context}};
}

// Go's ANSIC form of an RFC 3339 time; what is none stays as it is.
std::string ansic(const std::string& text) {
  const auto instant = parse_rfc3339(text);
  if (!instant) return text;
  const std::time_t seconds = to_unix_seconds(*instant);
  std::tm parts{};
  std::array<char, 64> buffer{};
  ::gmtime_r(&seconds, &parts);
  return {buffer.data(),
          std::strftime(buffer.data(), buffer.size(), "%a %b %e %H:%M:%S %Y", &parts)};
}

// Times of the components are for people.
bj::value readable(bj::value server) {
  if (!server.is_object() || !at(server, "Components").is_array()) return server;
  for (bj::value& component : server.as_object()["Components"].as_array()) {
    bj::value* details =
        component.is_object() ? component.as_object().if_contains("Details") : nullptr;
    const std::string time = details == nullptr ? "" : text_at(*details, "BuildTime");
    if (!time.empty()) details->as_object()["BuildTime"] = ansic(time);
  }
  return server;
}

void add_client(const bj::object& client, std::vector<std::string>& lines) {
  const bj::value value = client;
  const std::string used = text_at(value, "ApiVersion");
  const std::string own = text_at(value, "DefaultAPIVersion");
  lines.emplace_back("Client:");
  lines.push_back(" Version:\t" + text_at(value, "Version"));
  lines.push_back(" API version:\t" + used +
                  (used == own ? "" : fmt::format(" (downgraded from {})", own)));
  lines.push_back(" Go version:\t" + text_at(value, "GoVersion"));
  lines.push_back(" Git commit:\t" + text_at(value, "GitCommit"));
  lines.push_back(" Built:\t" + text_at(value, "BuildTime"));
  lines.push_back(fmt::format(" OS/Arch:\t{}/{}", text_at(value, "Os"), text_at(value, "Arch")));
  lines.push_back(" Context:\t" + text_at(value, "Context"));
}

void add_component(const bj::value& component, std::vector<std::string>& lines) {
  const bj::value& details = at(component, "Details");
  const std::string name = text_at(component, "Name");
  lines.push_back(fmt::format(" {}:", name));
  lines.push_back("  Version:\t" + text_at(component, "Version"));
  if (name != "Engine") {
    std::map<std::string, std::string> sorted;
    for (const auto& detail : members(details)) sorted[detail.key()] = string_of(detail.value());
    for (const auto& [key, value] : sorted) lines.push_back(fmt::format("  {}:\t{}", key, value));
    return;
  }
  lines.push_back(fmt::format("  API version:\t{} (minimum version {})",
                              text_at(details, "ApiVersion"), text_at(details, "MinAPIVersion")));
  lines.push_back("  Go version:\t" + text_at(details, "GoVersion"));
  lines.push_back("  Git commit:\t" + text_at(details, "GitCommit"));
  lines.push_back("  Built:\t" + text_at(details, "BuildTime"));
  lines.push_back(
      fmt::format("  OS/Arch:\t{}/{}", text_at(details, "Os"), text_at(details, "Arch")));
  lines.push_back("  Experimental:\t" + text_at(details, "Experimental"));
}

std::string version_text(const bj::object& client, const bj::value& server) {
  std::vector<std::string> lines;
  add_client(client, lines);
  if (server.is_object()) {
    const std::string platform = text_at(at(server, "Platform"), "Name");
    lines.emplace_back("");
    lines.push_back("Server:" + (platform.empty() ? "" : " " + platform));
    for (const bj::value& component : elements(at(server, "Components")))
      add_component(component, lines);
  }
  return align(lines, {.width = 20, .padding = 1});
}

// Prints by the template; the exit code.
int print_formatted(const std::string& format, const bj::object& client, const bj::value& server) {
  const bj::value data = {{"Client", client}, {"Server", server}};
  if (format == "json") {
    print(go_json(data) + "\n");
    return 0;
  }
  const auto parsed =
      GoTemplate::parse(format, {.name = "version", .struct_type = "system.versionInfo"});
  if (!parsed) {
    print_error(fmt::format("template parsing error: {}\n", parsed.error().message()));
    return kTemplateErrorCode;
  }
  const auto text = parsed->execute(data);
  print(text ? *text + "\n" : "\n");
  return text ? 0 : fail(text.error());
}

}  // namespace

int print_version(const Invocation& invocation) {
  const std::string format = invocation.flags.text("format");
  if (!format.empty() && format != "json") {
    const auto parsed = GoTemplate::parse(format, {.name = "version"});
    if (!parsed) {
      print_error(fmt::format("template parsing error: {}\n", parsed.error().message()));
      return kTemplateErrorCode;
    }
  }
  // `version` tells of an engine that runs; it does not start one.
  invocation.session.do_not_start_engine();
  const auto context = invocation.session.context_name();
  if (!context) return fail(context.error());
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto ping = (*engine)->ping();
  const auto answer = ping ? (*engine)->call_json({.path = "/version"})
                           : Result<bj::value>(std::unexpected(ping.error()));
  const bj::object client =
      client_version(ping ? (*engine)->api_version() : std::string(client::kApiVersion), *context);
  const bj::value server = answer ? readable(*answer) : bj::value(nullptr);
  int code = 0;
  if (format.empty()) {
    print(version_text(client, server));
  } else {
    code = print_formatted(format, client, server);
  }
  return answer ? code : fail(answer.error());
}

}  // namespace wherry::cli
