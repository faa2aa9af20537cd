#include "engine/mount_request.h"

#include <gtest/gtest.h>

#include "volume/volumes.h"

namespace wherry::engine {
namespace {

using spec::docker::HostConfig;
using Strings = std::vector<std::string>;
using Map = std::map<std::string, std::string>;
using Mounts = std::vector<ContainerMount>;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "accepted" : result.error().message();
}

Result<Mounts> resolve(const HostConfig& host, const Strings& volumes = {}, const Mounts& inherited = {}) {
  spec::docker::StringSet set;
  if (!volumes.empty()) set.emplace();
  for (const std::string& path : volumes) set->emplace(path, spec::docker::Nothing{});
  return resolve_mounts({.host_config = host, .volumes = set, .inherited = inherited});
}

// What these tests set of a mount; the rest is absent.
struct Wanted {
  std::string type;
  std::string source;
  std::string target;
  bool read_only = false;
  std::optional<spec::docker::BindOptions> bind_options;
  std::optional<spec::docker::VolumeOptions> volume_options;
};

HostConfig with_mount(Wanted wanted) {
  spec::docker::Mount mount;
  mount.type = std::move(wanted.type);
  mount.source = std::move(wanted.source);
  mount.target = std::move(wanted.target);
  mount.read_only = wanted.read_only;
  mount.bind_options = wanted.bind_options;
  mount.volume_options = std::move(wanted.volume_options);
  HostConfig host;
  host.mounts = std::vector<spec::docker::Mount>{std::move(mount)};
  return host;
}

TEST(Binds, other_ids_are_for_binds_alone) {
  const ContainerMount mount = parse_bind("/a:/c:ro,idmap", "").value();
  EXPECT_EQ(mount.id_map, "owner");
  EXPECT_EQ(mount.options, (Strings{"rbind", "rprivate", "ro"}));
  EXPECT_EQ(parse_bind("/a:/c:idmap=uids=1-0-1;gids=1-0-1", "")->id_map, "uids=1-0-1;gids=1-0-1");
  EXPECT_EQ(message_of(parse_bind("/a:/c:idmap=x", "")), "invalid idmap \"x\": it is uids=...;gids=...");
  EXPECT_EQ(message_of(parse_bind("/a:/c:idmap,idmap", "")), "invalid mode: idmap,idmap");
  EXPECT_NE(message_of(parse_bind("name:/c:idmap", "")).find("BindOptions must not be specified"), std::string::npos);
  const auto by_mount = resolve(with_mount({.type = "bind", .source = "/", .target = "/c",
                                            .bind_options = spec::docker::BindOptions{.id_map = "owner"}}));
  ASSERT_TRUE(by_mount) << by_mount.error().message();
  EXPECT_EQ(by_mount->front().id_map, "owner");
  EXPECT_EQ(message_of(resolve(with_mount({.type = "bind", .source = "/", .target = "/c",
                                           .bind_options = spec::docker::BindOptions{.id_map = "uids=1-0-1"}}))),
            "invalid mount config for type \"bind\": invalid idmap \"uids=1-0-1\": it is uids=...;gids=...");
}

TEST(Binds, a_bind_has_source_target_and_mode) {
  const ContainerMount mount = parse_bind("/a/../b:/c/:ro,rslave", "").value();
  EXPECT_EQ(mount.point.type, "bind");
  EXPECT_EQ(mount.point.source, "/b");
  EXPECT_EQ(mount.point.destination, "/c");
  EXPECT_EQ(mount.point.mode, "ro,rslave");
  EXPECT_FALSE(mount.point.rw);
  EXPECT_EQ(mount.options, (Strings{"rbind", "rslave", "ro"}));
  EXPECT_TRUE(mount.create_source);
}

TEST(Binds, a_source_that_is_no_path_names_a_volume) {
  const ContainerMount mount = parse_bind("data:/x", "").value();
  EXPECT_EQ(mount.point.type, "volume");
  EXPECT_EQ(mount.point.name, "data");
  EXPECT_EQ(mount.point.driver, "local");
  EXPECT_EQ(mount.point.mode, "z");
  EXPECT_EQ(mount.point.propagation, "");
  EXPECT_TRUE(mount.point.rw);
  EXPECT_TRUE(mount.copy_up);
  EXPECT_FALSE(mount.anonymous);
}

TEST(Binds, a_volume_takes_modes_and_nocopy_and_the_drivers_name) {
  const ContainerMount mount = parse_bind("data:/x:ro,Z,nocopy", "other").value();
  EXPECT_FALSE(mount.point.rw);
  EXPECT_FALSE(mount.copy_up);
  EXPECT_EQ(mount.point.mode, "ro,Z,nocopy");
  EXPECT_EQ(mount.point.driver, "other");
}

TEST(Binds, wrong_ones_are_refused_with_dockers_sentences) {
  const auto refusal = [](const char* text) { return message_of(parse_bind(text, "")); };
  EXPECT_EQ(refusal("/a:relative"),
            "invalid volume specification: '/a:relative': invalid mount config for type \"bind\": invalid "
            "mount path: 'relative' mount path must be absolute");
  EXPECT_EQ(refusal("data:/"),
            "invalid volume specification: 'data:/': invalid mount config for type \"volume\": invalid "
            "specification: destination can't be '/'");
  EXPECT_EQ(refusal("data:/x:shared"),
            "invalid volume specification: 'data:/x:shared': invalid mount config for type \"volume\": "
            "field BindOptions must not be specified");
  EXPECT_EQ(refusal("/a:/x:nocopy"),
            "invalid volume specification: '/a:/x:nocopy': invalid mount config for type \"bind\": "
            "field VolumeOptions must not be specified");
  EXPECT_EQ(refusal("/a:/b:/c:/d"), "invalid volume specification: '/a:/b:/c:/d'");
  EXPECT_EQ(refusal("/x:ro"), "invalid volume specification: '/x:ro'");
  EXPECT_EQ(refusal("/a:/b:ro,rw"), "invalid mode: ro,rw");
  EXPECT_EQ(refusal("data:/b:nonsense"), "invalid mode: nonsense");
  EXPECT_EQ(refusal("data:/b:z,Z"), "invalid mode: z,Z");
}

TEST(MountRequest, one_destination_is_mounted_once) {
  HostConfig host;
  host.binds = Strings{"/tmp:/x"};
  host.tmpfs = Map{{"/x/", ""}};
  EXPECT_EQ(message_of(resolve(host)), "Duplicate mount point: /x");
}

TEST(MountRequest, a_mount_needs_its_source_to_exist_and_a_known_type) {
  EXPECT_EQ(message_of(resolve(with_mount({.type = "bind", .source = "/absent/x", .target = "/x"}))),
            "invalid mount config for type \"bind\": bind source path does not exist: /absent/x");
  EXPECT_EQ(message_of(resolve(with_mount({.type = "nonsense", .target = "/x"}))),
            "invalid mount config for type \"nonsense\": mount type unknown");
}

TEST(MountRequest, a_volume_without_source_is_anonymous_and_labelled) {
  const Mounts mounts = resolve(with_mount({.type = "volume", .target = "/x"})).value();
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_TRUE(mounts[0].anonymous);
  EXPECT_EQ(mounts[0].point.name.size(), 64U);
  EXPECT_EQ(mounts[0].volume_labels, (Map{{volume::kAnonymousLabel, ""}}));
}

TEST(MountRequest, a_volume_carries_options_labels_and_subpath) {
  spec::docker::VolumeOptions options{.no_copy = true, .labels = Map{{"a", "b"}}, .subpath = "in/side", .driver_config = {}};
  options.driver_config.emplace().options = Map{{"type", "tmpfs"}};
  const Mounts mounts = resolve(with_mount({.type = "volume", .source = "v1", .target = "/x",
                                            .read_only = true, .volume_options = options})).value();
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_FALSE(mounts[0].copy_up);
  EXPECT_FALSE(mounts[0].point.rw);
  EXPECT_EQ(mounts[0].subpath, "in/side");
  EXPECT_EQ(mounts[0].volume_options, (Map{{"type", "tmpfs"}}));
  EXPECT_EQ(mounts[0].volume_labels, (Map{{"a", "b"}}));
}

TEST(MountRequest, wrong_volume_mounts_are_refused_with_dockers_sentences) {
  const auto refusal = [](Wanted wanted) {
    wanted.type = "volume";
    return message_of(resolve(with_mount(std::move(wanted))));
  };
  const std::string prefix = "invalid mount config for type \"volume\": ";
  EXPECT_EQ(refusal({.source = "v", .target = "x"}), prefix + "invalid mount path: 'x' mount path must be absolute");
  EXPECT_EQ(refusal({.target = "/x", .read_only = true}),
            prefix + "must not set ReadOnly mode when using anonymous volumes");
  EXPECT_EQ(refusal({.source = "v", .target = "/x", .bind_options = spec::docker::BindOptions{}}),
            prefix + "field BindOptions must not be specified");
  for (const char* subpath : {"../x", "/abs", "a/../../b"})
    EXPECT_EQ(refusal({.source = "v", .target = "/x",
                       .volume_options = spec::docker::VolumeOptions{.labels = {}, .subpath = subpath, .driver_config = {}}}),
              prefix + "subpath must be a relative path within the volume")
        << subpath;
}

TEST(MountRequest, tmpfs_has_dockers_defaults_and_takes_their_opposites) {
  HostConfig host;
  host.tmpfs = Map{{"/t", "exec,size=1m"}};
  const Mounts mounts = resolve(host).value();
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].options, (Strings{"nosuid", "nodev", "exec", "size=1m"}));
  EXPECT_TRUE(mounts[0].in_host_config_tmpfs);
}

TEST(MountRequest, an_images_volume_gives_way_to_a_bind) {
  HostConfig host;
  host.binds = Strings{"/tmp:/data"};
  const Mounts mounts = resolve(host, {"/data", "/other/"}).value();
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].point.type, "bind");
  EXPECT_EQ(mounts[1].point.destination, "/other");
  EXPECT_EQ(mounts[1].point.mode, "");
  EXPECT_TRUE(mounts[1].anonymous);
  EXPECT_TRUE(mounts[1].copy_up);
}

TEST(VolumesFrom, names_a_container_and_perhaps_a_mode) {
  EXPECT_EQ(parse_volumes_from("c1").value().container, "c1");
  EXPECT_FALSE(parse_volumes_from("c1").value().read_only);
  EXPECT_TRUE(parse_volumes_from("c1:ro").value().read_only);
  EXPECT_FALSE(parse_volumes_from("c1:rw,z").value().read_only);
  EXPECT_EQ(message_of(parse_volumes_from("c1:nonsense")), "invalid mode: nonsense");
  EXPECT_EQ(message_of(parse_volumes_from("c1:shared")), "invalid mode: shared");
  EXPECT_EQ(message_of(parse_volumes_from("")), "volumes-from specification cannot be an empty string");
}

TEST(VolumesFrom, read_only_holds_for_every_mount_and_a_read_only_mount_stays_so) {
  const Mounts source = {parse_bind("v1:/a", "").value(), parse_bind("v2:/b:ro", "").value()};
  const Mounts taken = inherit_mounts(source, {.container = "c", .read_only = true});
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].options.back(), "ro");
  EXPECT_FALSE(taken[0].point.rw);
  EXPECT_FALSE(taken[0].copy_up);
  EXPECT_EQ(taken[0].point.mode, "");
  const Mounts writable = inherit_mounts(source, {.container = "c", .read_only = false});
  EXPECT_TRUE(writable[0].point.rw);
  EXPECT_FALSE(writable[1].point.rw);
}

TEST(VolumesFrom, gives_way_to_the_containers_own_and_the_last_source_wins) {
  const Mounts inherited = {parse_bind("v1:/a", "").value(), parse_bind("v2:/b", "").value(),
                            parse_bind("v3:/b", "").value()};
  HostConfig host;
  host.binds = Strings{"own:/a"};
  const Mounts mounts = resolve(host, {"/b"}, inherited).value();
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].point.name, "v3");
  EXPECT_EQ(mounts[1].point.name, "own");
}

}  // namespace
}  // namespace wherry::engine
