// inspect, container inspect, image inspect, volume inspect.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "cli/go_template.h"
#include "cli/handlers.h"
#include "cli/inspect_text.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "cli/pull.h"

namespace wherry::cli {
namespace {

using Fetch = std::function<Result<std::string>(client::Engine&, const std::string& name)>;

// Prints objects as docker does: a JSON list with four blanks, or the template line by line.
class Inspector {
 public:
  explicit Inspector(std::string format) : format_(std::move(format)) {}

  // Parses the template: its error comes before any request.
  Result<> prepare() {
    const bool lists = format_.empty() || format_ == "json";
    if (lists) return {};
    auto parsed = GoTemplate::parse(format_, {.name = ""});
    if (!parsed) return std::move(parsed).error().within("template parsing error");
    template_ = std::move(*parsed);
    return {};
  }

  Result<> add(const std::string& document) {
    if (!template_) {
      documents_.push_back(document);
      return {};
    }
    const auto value = TRY(client::parse_json(document));
    auto text = template_->execute(value);
    if (!text) {
      lines_ += "\n";
      return std::move(text).error().within("template parsing error");
    }
    lines_ += *text + "\n";
    return {};
  }

  void print_all() const {
    if (template_) {
      print(lines_.empty() ? "\n" : lines_);
    } else if (format_ == "json") {
      print("[" + join(documents_, ",") + "]\n");
    } else {
      print(indent_list(documents_));
    }
  }

 private:
  std::string format_;
  std::optional<GoTemplate> template_;
  std::vector<std::string> documents_;
  std::string lines_;
};

int inspect_all(const Invocation& invocation, const Fetch& fetch) {
  Inspector inspector(invocation.flags.text("format"));
  if (auto ready = inspector.prepare(); !ready) return fail(ready.error());
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  std::vector<std::string> errors;
  for (const std::string& name : invocation.arguments) {
    auto document = fetch(**engine, name);
    const auto added =
        document ? inspector.add(*document) : Result<>(std::unexpected(document.error()));
    if (!added) errors.push_back(added.error().message());
    // A template that does not fit one object is not tried on the next.
    if (document && !added) break;
  }
  inspector.print_all();
  if (!errors.empty()) print_error(join(errors, "\n") + "\n");
  return errors.empty() ? 0 : 1;
}

struct Kind {
  std::string_view name;
  std::string_view path;  // with {} for the object's name
  bool swarm;             // answered only by a swarm manager
};
constexpr std::array<Kind, 10> kKinds = {{{"container", "/containers/{}/json", false},
                                          {"image", "/images/{}/json", false},
                                          {"network", "/networks/{}", false},
                                          {"volume", "/volumes/{}", false},
                                          {"service", "/services/{}", true},
                                          {"task", "/tasks/{}", true},
                                          {"node", "/nodes/{}", true},
                                          {"plugin", "/plugins/{}/json", false},
                                          {"secret", "/secrets/{}", true},
                                          {"config", "/configs/{}", true}}};

Result<std::string> fetch_kind(client::Engine& engine, const Kind& kind, const std::string& name,
                               bool size) {
  client::Call call{.path = fmt::format(fmt::runtime(kind.path), name)};
  if (size && kind.name == "container") call.query["size"] = "1";
  return TRY(engine.call(call)).body;
}

bool is_swarm_manager(client::Engine& engine) {
  const auto info = engine.call_json({.path = "/info"});
  return info && bool_at(at(*info, "Swarm"), "ControlAvailable");
}

// An engine that has no such kind of object has no such object.
bool means_absent(const Error& error) {
  return error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::NotImplemented ||
         error.message().find("not a swarm manager") != std::string::npos;
}

Result<std::string> fetch_any(client::Engine& engine, const std::string& name, bool size) {
  std::optional<bool> manager;
  for (const Kind& kind : kKinds) {
    if (kind.swarm && !manager) manager = is_swarm_manager(engine);
    if (kind.swarm && !*manager) continue;
    auto document = fetch_kind(engine, kind, name, size);
    if (document || !means_absent(document.error())) return document;
  }
  return Error::not_found(fmt::format("Error: No such object: {}", name));
}

}  // namespace

int inspect_objects(const Invocation& invocation) {
  const std::string type = invocation.flags.text("type");
  const bool size = invocation.flags.on("size");
  if (type.empty()) {
    return inspect_all(invocation, [size](client::Engine& engine, const std::string& name) {
      return fetch_any(engine, name, size);
    });
  }
  const auto kind = std::ranges::find(kKinds, type, &Kind::name);
  if (kind == kKinds.end()) {
    print_error(
        fmt::format("unknown type: {}: must be one of \"config\", \"container\", \"image\", "
                    "\"network\", \"node\", \"plugin\", "
                    "\"secret\", \"service\", \"task\", \"volume\"\n",
                    quote(type)));
    return 1;
  }
  return inspect_all(invocation, [&](client::Engine& engine, const std::string& name) {
    return fetch_kind(engine, *kind, name, size);
  });
}

int inspect_containers(const Invocation& invocation) {
  const bool size = invocation.flags.on("size");
  return inspect_all(invocation, [size](client::Engine& engine, const std::string& name) {
    return fetch_kind(engine, kKinds[0], name, size);
  });
}

int inspect_volumes(const Invocation& invocation) {
  return inspect_all(invocation, [](client::Engine& engine, const std::string& name) {
    return fetch_kind(engine, kKinds[3], name, false);
  });
}

int inspect_networks(const Invocation& invocation) {
  const bool verbose = invocation.flags.on("verbose");
  return inspect_all(
      invocation, [verbose](client::Engine& engine, const std::string& name) -> Result<std::string> {
        client::Call call{.path = fmt::format("/networks/{}", name)};
        if (verbose) call.query["verbose"] = "true";
        return TRY(engine.call(call)).body;
      });
}

int inspect_images(const Invocation& invocation) {
  client::Query query;
  if (const std::string platform = invocation.flags.text("platform"); !platform.empty()) {
    auto text = platform_json(platform);
    if (!text) return fail(text.error());
    query["platform"] = *text;
  }
  return inspect_all(
      invocation, [&query](client::Engine& engine, const std::string& name) -> Result<std::string> {
        return TRY(engine.call({.path = fmt::format("/images/{}/json", name), .query = query}))
            .body;
      });
}

}  // namespace wherry::cli
