#include "volume/driver_options.h"

#include <gtest/gtest.h>

namespace wherry::volume {
namespace {

using Map = std::map<std::string, std::string>;

std::string verdict(Map options) {
  const auto checked = check_options(options);
  return checked ? "accepted" : checked.error().message();
}

TEST(DriverOptions, are_checked_as_docker_checks_them) {
  EXPECT_EQ(verdict({}), "accepted");
  EXPECT_EQ(verdict({{"nonsense", "1"}}), "invalid option: \"nonsense\"");
  EXPECT_EQ(verdict({{"type", "tmpfs"}}), "missing required option: \"device\"");
  EXPECT_EQ(verdict({{"device", "tmpfs"}}), "missing required option: \"type\"");
  EXPECT_EQ(verdict({{"o", "size=1m"}}), "missing required option: \"device\"");
  EXPECT_EQ(verdict({{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m"}}), "accepted");
}

TEST(DriverOptions, a_size_is_refused_by_name) {
  EXPECT_EQ(check_options(Map{{"size", "1g"}}).error().kind(), ErrorKind::NotImplemented);
}

TEST(DriverOptions, say_where_the_data_is) {
  EXPECT_EQ(backing_of({}), Backing::Directory);
  EXPECT_EQ(backing_of(Map{}), Backing::Directory);
  EXPECT_EQ(backing_of(Map{{"type", "none"}, {"device", "/srv"}, {"o", "bind"}}), Backing::Bind);
  EXPECT_EQ(backing_of(Map{{"type", "tmpfs"}, {"device", "tmpfs"}}), Backing::Memory);
  EXPECT_EQ(backing_of(Map{{"type", "nfs"}, {"device", ":/export"}, {"o", "addr=192.0.2.1,rw"}}), Backing::FileSystem);
}

TEST(DriverOptions, a_server_is_named_by_its_address) {
  const auto made = make_mount(Map{{"type", "nfs"}, {"device", ":/x"}, {"o", "addr=files.example"}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind(), ErrorKind::NotImplemented);
  EXPECT_NE(made.error().message().find("addr=files.example"), std::string::npos);
}

TEST(DriverOptions, mapped_ids_are_refused_by_name) {
  for (const char* type : {"tmpfs", "none"}) {
    const auto made = make_mount(Map{{"type", type}, {"device", "/x"}, {"o", type[0] == 'n' ? "bind,idmap" : "ridmap"}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind(), ErrorKind::Unsupported);
  }
}

}  // namespace
}  // namespace wherry::volume
