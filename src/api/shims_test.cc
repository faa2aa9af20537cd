#include "api/shims.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/call.h"
#include "api/progress.h"
#include "spec/docker_image.h"
#include "spec/docker_system.h"
#include "spec/json.h"

namespace wherry::api {
namespace {

namespace docker = spec::docker;

docker::ContainerCreateRequest request_with_bind() {
  docker::ContainerCreateRequest request;
  request.host_config.emplace();
  docker::Mount mount;
  mount.type = "bind";
  mount.read_only = true;
  mount.volume_options.emplace();
  request.host_config->mounts = {mount};
  request.host_config->pids_limit = 0;
  return request;
}

TEST(ShimCreate, takes_no_limit_of_processes_for_null_in_every_version) {
  auto request = request_with_bind();
  ASSERT_TRUE(shim_create(request, kNewest).has_value());
  EXPECT_FALSE(request.host_config->pids_limit.has_value());
}

TEST(ShimCreate, keeps_read_only_binds_of_old_clients_flat) {
  auto old = request_with_bind();
  ASSERT_TRUE(shim_create(old, {1, 43}).has_value());
  EXPECT_TRUE(old.host_config->mounts->front().bind_options->read_only_non_recursive);
  auto current = request_with_bind();
  ASSERT_TRUE(shim_create(current, {1, 44}).has_value());
  EXPECT_FALSE(current.host_config->mounts->front().bind_options.has_value());
}

TEST(ShimCreate, drops_what_the_version_did_not_know) {
  auto request = request_with_bind();
  request.host_config->cgroupns_mode = "private";
  request.host_config->annotations.emplace();
  ASSERT_TRUE(shim_create(request, {1, 39}).has_value());
  EXPECT_EQ(request.host_config->cgroupns_mode, "");
  EXPECT_FALSE(request.host_config->annotations.has_value());
  EXPECT_EQ(request.host_config->ipc_mode, "shareable");
  EXPECT_FALSE(request.host_config->mounts->front().volume_options.has_value());
}

TEST(ShimCreate, allows_several_endpoints_since_1_44) {
  docker::ContainerCreateRequest request;
  request.networking_config.emplace();
  request.networking_config->endpoints_config = {{"a", std::nullopt}, {"b", std::nullopt}};
  EXPECT_TRUE(shim_create(request, {1, 44}).has_value());
  const auto refused = shim_create(request, {1, 43});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(),
            "Container cannot be created with multiple network endpoints: a b");
}

TEST(ShimInspect, hides_members_of_later_versions) {
  docker::ContainerInspect container;
  container.network_settings.networks["bridge"].emplace();
  json::Value old = json::to_value(container);
  shim_container_inspect(old, {1, 43});
  EXPECT_EQ(json::write_value(old).find("DNSNames"), std::string::npos);
  EXPECT_EQ(json::write_value(old).find("GwPriority"), std::string::npos);
  json::Value current = json::to_value(container);
  shim_container_inspect(current, kNewest);
  EXPECT_EQ(json::write_value(current), json::write(container));
}

TEST(ShimImage, has_a_virtual_size_before_1_44_and_a_full_config_before_1_50) {
  docker::ImageInspect image;
  image.size = 7;
  json::Value old = json::to_value(image);
  shim_image_inspect(old, {1, 43});
  EXPECT_EQ(old.at("VirtualSize").to_number<int>(), 7);
  EXPECT_EQ(old.at("ContainerConfig").at("Tty"), false);
  json::Value middle = json::to_value(image);
  shim_image_inspect(middle, {1, 49});
  EXPECT_FALSE(middle.as_object().contains("VirtualSize"));
  EXPECT_EQ(middle.at("Config").at("Hostname"), "");
  json::Value current = json::to_value(image);
  shim_image_inspect(current, {1, 50});
  EXPECT_FALSE(current.at("Config").as_object().contains("Hostname"));
}

TEST(ShimImageList, names_the_nameless_before_1_43) {
  json::Value images = json::to_value(std::vector<docker::ImageSummary>(1));
  shim_image_list(images, {1, 42});
  EXPECT_EQ(images.at(0).at("RepoTags").at(0), "<none>:<none>");
  json::Value current = json::to_value(std::vector<docker::ImageSummary>(1));
  shim_image_list(current, kNewest);
  EXPECT_TRUE(current.at(0).at("RepoTags").as_array().empty());
}

TEST(ShimInfo, speaks_of_bridge_nf_before_1_50_only) {
  json::Value old = json::to_value(docker::Info{});
  shim_info(old, {1, 48});
  EXPECT_TRUE(old.as_object().contains("BridgeNfIptables"));
  EXPECT_TRUE(old.at("RuncCommit").as_object().contains("Expected"));
  json::Value current = json::to_value(docker::Info{});
  shim_info(current, kNewest);
  EXPECT_FALSE(current.as_object().contains("BridgeNfIptables"));
}

TEST(Errors, become_docker_statuses_and_one_message) {
  const auto response = error_response(Error::conflict("in <use>"));
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{\"message\":\"in \\u003cuse\\u003e\"}\n");
  EXPECT_EQ(status_of(ErrorKind::NotImplemented), 501);
  EXPECT_EQ(status_of(ErrorKind::NoSpace), 500);
}

TEST(Errors, have_no_body_when_nothing_was_to_do) {
  const auto response = error_response(Error(ErrorKind::NotModified, "running"));
  EXPECT_EQ(response.status, 304);
  EXPECT_TRUE(response.body.empty());
}

TEST(Errors, late_ones_are_the_last_line_of_progress) {
  EXPECT_EQ(progress_error(Error::internal("broken")),
            "{\"errorDetail\":{\"message\":\"broken\"},\"error\":\"broken\"}\r\n");
}

TEST(Headers, are_those_that_clients_negotiate_by) {
  std::map<std::string, std::string> headers;
  for (const auto& header : docker_headers()) headers[header.name] = header.value;
  EXPECT_EQ(headers["Api-Version"], "1.51");
  EXPECT_EQ(headers["Ostype"], "linux");
  EXPECT_EQ(headers["Docker-Experimental"], "false");
  EXPECT_TRUE(headers["Server"].starts_with("Docker/"));
}

}  // namespace
}  // namespace wherry::api
