#include "cli/handlers.h"

#include <algorithm>
#include <array>

namespace wherry::cli {
namespace {

struct Entry {
  std::string_view path;
  Handler handler;
};

constexpr std::array<Entry, 45> kHandlers = {{
    {"container run", run_container},
    {"container create", create_container},
    {"container start", start_containers},
    {"container stop", stop_containers},
    {"container restart", restart_containers},
    {"container kill", kill_containers},
    {"container rm", remove_containers},
    {"container pause", pause_containers},
    {"container unpause", unpause_containers},
    {"container wait", wait_for_containers},
    {"container rename", rename_container},
    {"container attach", attach_container},
    {"container exec", exec_in_container},
    {"container logs", print_logs},
    {"container top", print_top},
    {"container ls", list_containers},
    {"container inspect", inspect_containers},
    {"inspect", inspect_objects},
    {"image inspect", inspect_images},
    {"image ls", list_images},
    {"image pull", pull_image},
    {"image push", push_image},
    {"image load", load_images},
    {"image tag", tag_image},
    {"image rm", remove_images},
    {"volume create", create_volume},
    {"volume inspect", inspect_volumes},
    {"volume ls", list_volumes},
    {"volume prune", prune_volumes},
    {"volume rm", remove_volumes},
    {"network create", create_network},
    {"network ls", list_networks},
    {"network inspect", inspect_networks},
    {"network rm", remove_networks},
    {"network connect", connect_network},
    {"network disconnect", disconnect_network},
    {"network prune", prune_networks},
    {"container port", print_ports},
    {"login", login},
    {"logout", logout},
    {"version", print_version},
    {"system info", print_info},
    {"system df", print_disk_usage},
    {"system check", check_system},
    {"system dial-stdio", dial_stdio},
}};

}  // namespace

Handler find_handler(std::string_view canonical_path) {
  const auto found = std::ranges::find(kHandlers, canonical_path, &Entry::path);
  return found == kHandlers.end() ? nullptr : found->handler;
}

}  // namespace wherry::cli
