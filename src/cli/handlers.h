// One handler per command; the table that finds them is in handlers.cc.
#pragma once

#include <string_view>

#include "cli/session.h"

namespace wherry::cli {

// The handler of a canonical path ("container run"); nullptr where wherry has none.
Handler find_handler(std::string_view canonical_path);

int run_container(const Invocation& invocation);
int create_container(const Invocation& invocation);
int start_containers(const Invocation& invocation);
int stop_containers(const Invocation& invocation);
int restart_containers(const Invocation& invocation);
int kill_containers(const Invocation& invocation);
int remove_containers(const Invocation& invocation);
int pause_containers(const Invocation& invocation);
int unpause_containers(const Invocation& invocation);
int wait_for_containers(const Invocation& invocation);
int rename_container(const Invocation& invocation);
int attach_container(const Invocation& invocation);
int exec_in_container(const Invocation& invocation);
int print_logs(const Invocation& invocation);
int print_top(const Invocation& invocation);
int list_containers(const Invocation& invocation);
int inspect_containers(const Invocation& invocation);
int inspect_objects(const Invocation& invocation);
int inspect_images(const Invocation& invocation);
int list_images(const Invocation& invocation);
int pull_image(const Invocation& invocation);
int push_image(const Invocation& invocation);
int load_images(const Invocation& invocation);
int tag_image(const Invocation& invocation);
int remove_images(const Invocation& invocation);
int create_volume(const Invocation& invocation);
int inspect_volumes(const Invocation& invocation);
int list_volumes(const Invocation& invocation);
int prune_volumes(const Invocation& invocation);
int remove_volumes(const Invocation& invocation);
int create_network(const Invocation& invocation);
int list_networks(const Invocation& invocation);
int inspect_networks(const Invocation& invocation);
int remove_networks(const Invocation& invocation);
int connect_network(const Invocation& invocation);
int disconnect_network(const Invocation& invocation);
int prune_networks(const Invocation& invocation);
int print_ports(const Invocation& invocation);
int login(const Invocation& invocation);
int logout(const Invocation& invocation);
int print_version(const Invocation& invocation);
int print_info(const Invocation& invocation);
int print_disk_usage(const Invocation& invocation);
int check_system(const Invocation& invocation);
int dial_stdio(const Invocation& invocation);

}  // namespace wherry::cli
