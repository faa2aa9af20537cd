#include "cli/mounts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "spec/json.h"

namespace wherry::cli {
namespace {

std::string mount_of(std::string_view text) {
  const auto mount = parse_mount(text);
  return mount ? json::write_value(*mount) : mount.error().message();
}

TEST(ParseMount, bind_with_its_options) {
  EXPECT_EQ(
      mount_of("type=bind,source=/a,dst=/b,readonly,bind-propagation=rshared,bind-nonrecursive"),
      R"({"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,"BindOptions":{"Propagation":"rshared","NonRecursive":true}})");
  EXPECT_EQ(mount_of("type=bind,src=/a,target=/b,ro=false"),
            R"({"Type":"bind","Source":"/a","Target":"/b"})");
  EXPECT_EQ(
      mount_of("type=bind,src=/a,dst=/b,bind-recursive=disabled,consistency=cached"),
      R"({"Type":"bind","Source":"/a","Target":"/b","Consistency":"cached","BindOptions":{"NonRecursive":true}})");
}

TEST(ParseMount, bind_with_other_ids) {
  EXPECT_EQ(mount_of("type=bind,src=/a,dst=/b,idmap"),
            R"({"Type":"bind","Source":"/a","Target":"/b","BindOptions":{"IDMap":"owner"}})");
  EXPECT_EQ(mount_of("type=bind,src=/a,dst=/b,idmap=uids=1-0-1#9-9-9;gids=1-0-1"),
            R"({"Type":"bind","Source":"/a","Target":"/b","BindOptions":{"IDMap":"uids=1-0-1#9-9-9;gids=1-0-1"}})");
  EXPECT_EQ(mount_of("type=tmpfs,dst=/b,idmap"), "cannot mix 'bind-*' options with mount type 'tmpfs'");
}

TEST(ParseMount, tmpfs_has_size_and_octal_mode) {
  EXPECT_EQ(mount_of("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777"),
            R"({"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1048576,"Mode":1023}})");
}

TEST(ParseMount, volume_is_the_default_type) {
  EXPECT_EQ(mount_of("dst=/b"), R"({"Type":"volume","Target":"/b"})");
  EXPECT_EQ(
      mount_of("src=v,dst=/b,volume-nocopy"),
      R"({"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{"NoCopy":true,"DriverConfig":{}}})");
  EXPECT_EQ(mount_of("src=v,dst=/b,volume-nocopy=false"),
            R"({"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{"DriverConfig":{}}})");
  EXPECT_EQ(
      mount_of("src=v,dst=/b,volume-label=a=b,volume-opt=o=1"),
      R"({"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{"Labels":{"a":"b"},"DriverConfig":{"Options":{"o":"1"}}}})");
}

TEST(ParseMount, a_field_may_be_quoted) {
  EXPECT_EQ(mount_of("type=bind,\"src=/a,b\",dst=/c"),
            R"({"Type":"bind","Source":"/a,b","Target":"/c"})");
  EXPECT_EQ(mount_of("type=bind,\"src=/a\"\"b\",dst=/c"),
            R"({"Type":"bind","Source":"/a\"b","Target":"/c"})");
}

TEST(ParseMount, refuses_in_dockers_words) {
  EXPECT_EQ(mount_of("x"), "invalid field 'x' must be a key=value pair");
  EXPECT_EQ(mount_of("type=bind,src=/a,dst=/b,"), "invalid field '' must be a key=value pair");
  EXPECT_EQ(mount_of("type=bind,src=/a,dst=/b,foo=bar"), "unexpected key 'foo' in 'foo=bar'");
  EXPECT_EQ(mount_of("type=bind,src=/a"), "target is required");
  EXPECT_EQ(mount_of("type=bind,src=/a,dst=/b,readonly=maybe"),
            "invalid value for readonly: maybe");
  EXPECT_EQ(mount_of("type=tmpfs,dst=/a,tmpfs-size=foo"), "invalid value for tmpfs-size: foo");
  EXPECT_EQ(mount_of("type=tmpfs,dst=/a,tmpfs-mode=9"), "invalid value for tmpfs-mode: 9");
  EXPECT_EQ(mount_of("type=volume,src=/a,dst=/b,bind-propagation=private"),
            "cannot mix 'bind-*' options with mount type 'volume'");
  EXPECT_EQ(mount_of("type=bind,dst=/b,tmpfs-size=1"),
            "cannot mix 'tmpfs-*' options with mount type 'bind'");
  EXPECT_EQ(mount_of(""), "EOF");
}

TEST(ParseMount, an_open_quote_is_refused) {
  EXPECT_FALSE(parse_mount("type=bind,\"src=/a,dst=/b"));
}

TEST(ParseVolume, an_empty_section_is_refused) {
  EXPECT_EQ(parse_volume("/host:").error().message(), "invalid spec: /host:: empty section between colons");
  EXPECT_EQ(parse_volume(":/data").error().message(), "invalid spec: :/data: empty section between colons");
}

TEST(ParseVolume, a_path_alone_is_an_anonymous_volume) {
  EXPECT_TRUE(parse_volume("/data")->anonymous);
  EXPECT_FALSE(parse_volume("a:/data")->anonymous);
}

TEST(ParseVolume, a_relative_source_is_made_absolute) {
  char here[4096];
  ASSERT_NE(::getcwd(here, sizeof here), nullptr);
  EXPECT_EQ(parse_volume("./x:/b:ro")->text, std::string(here) + "/x:/b:ro");
  EXPECT_EQ(parse_volume(".:/b")->text, std::string(here) + ":/b");
  EXPECT_EQ(parse_volume("rel:/x")->text, "rel:/x");
  EXPECT_EQ(parse_volume("/../../x/..:/b")->text, "/../../x/..:/b");
}

}  // namespace
}  // namespace wherry::cli
