// The image store without a registry and without archives: names, filters and docker's rules of
// removal, on images that the catalog already has.
#include "image/images.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "archive/testing.h"
#include "content/store.h"
#include "image/catalog.h"
#include "metadata/database.h"
#include "metadata/schema.h"
#include "snapshot/driver.h"

namespace wherry::image {
namespace {

using archive::testing::TemporaryDirectory;
using Strings = std::vector<std::string>;

spec::Reference reference(const std::string& text) { return *spec::parse_reference(text); }

class ImagesTest : public testing::Test {
 protected:
  struct Image {
    std::string author;
    std::string created = "2024-01-01T00:00:00Z";
    Strings names = {};
    std::optional<ImageId> parent = {};
    std::string labels = "{}";
  };

  void SetUp() override {
    content_ = *content::Store::open(directory_ / "content");
    snapshots_ = *snapshot::open_driver(directory_ / "snapshots", snapshot::Choice::Copy);
    database_ = *metadata::Database::open(directory_ / "db", metadata::schema());
  }

  // Only before open(): the catalog is written past Images.
  ImageId add(const Image& image) {
    const std::string json = fmt::format(
        R"({{"os":"linux","architecture":"amd64","author":"{}","created":"{}","config":{{"Labels":{}}},)"
        R"("rootfs":{{"type":"layers","diff_ids":[]}}}})",
        image.author, image.created, image.labels);
    Record record{.id = *content_->put(json),
                  .parent = image.parent,
                  .config = *spec::parse_image_config(json),
                  .config_json = json};
    std::vector<spec::Reference> names;
    for (const std::string& name : image.names) names.push_back(reference(name));
    const ImageId id = record.id;
    auto catalog = *Catalog::load(*database_, *content_);
    EXPECT_TRUE(catalog->put(std::move(record), names));
    return id;
  }

  Images& open() {
    Options options;
    options.content = content_.get();
    options.snapshots = snapshots_.get();
    options.database = database_.get();
    options.temporary_directory = directory_ / "tmp";
    options.hooks.users = [this](const ImageId& id) { return users_[id]; };
    options.hooks.event = [this](const Event& event) { events_.push_back(event.action); };
    auto opened = Images::open(std::move(options));
    EXPECT_TRUE(opened) << opened.error().message();
    images_ = *std::move(opened);
    return *images_;
  }

  Strings remove(const std::string& name, RemoveOptions options = {}) {
    const auto removed = images_->remove(name, options);
    if (!removed) return {removed.error().message()};
    Strings lines;
    for (const Removal& removal : *removed)
      lines.push_back((removal.kind == Removal::Kind::Untagged ? "Untagged: " : "Deleted: ") + removal.what);
    return lines;
  }

  // The authors of what `images` shows, in its order.
  Strings listed(std::map<std::string, Strings> filters = {}, bool all = false) {
    const auto found = images_->list({.all = all, .filters = std::move(filters)});
    if (!found) return {found.error().message()};
    Strings authors;
    for (const Summary& summary : *found) authors.push_back(images_->inspect(summary.id.str())->config.author);
    return authors;
  }

  static std::string digest(char fill) { return "sha256:" + std::string(64, fill); }

  TemporaryDirectory directory_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<snapshot::Driver> snapshots_;
  std::unique_ptr<metadata::Database> database_;
  std::map<ImageId, std::vector<User>> users_;
  Strings events_;
  std::unique_ptr<Images> images_;
};

TEST_F(ImagesTest, the_last_name_takes_the_image_along) {
  const ImageId id = add({.author = "a", .names = {"x:1", "x:2"}});
  open();
  EXPECT_EQ(remove("x:1"), (Strings{"Untagged: x:1"}));
  EXPECT_EQ(remove("x:2"), (Strings{"Untagged: x:2", "Deleted: " + id.str()}));
  EXPECT_EQ(events_, (Strings{"untag", "untag", "delete"}));
  EXPECT_FALSE(content_->has(id));
  EXPECT_EQ(remove("x:2"), (Strings{"No such image: x:2"}));
}

TEST_F(ImagesTest, the_last_tag_of_a_repository_takes_its_digests_along) {
  const ImageId id = add({.author = "a", .names = {"x:1", "x@" + digest('a'), "y:1"}});
  open();
  EXPECT_EQ(remove("x:1"), (Strings{"Untagged: x:1", "Untagged: x@" + digest('a')}));
  EXPECT_EQ(images_->inspect(id.str())->repo_tags, (Strings{"y:1"}));
  EXPECT_TRUE(images_->inspect(id.str())->repo_digests.empty());
}

TEST_F(ImagesTest, a_digest_name_alone_can_be_removed) {
  const ImageId id = add({.author = "a", .names = {"x@" + digest('a')}});
  open();
  EXPECT_EQ(remove("x@" + digest('a')), (Strings{"Untagged: x@" + digest('a'), "Deleted: " + id.str()}));
}

TEST_F(ImagesTest, an_id_in_two_repositories_wants_force) {
  const ImageId id = add({.author = "a", .names = {"x:1", "y:1"}});
  open();
  EXPECT_EQ(remove(id.str()), (Strings{"conflict: unable to delete " + id.short_form() +
                                       " (must be forced) - image is referenced in multiple repositories"}));
  EXPECT_EQ(images_->count(), 1U);
  const Strings removed = remove(id.short_form(), {.force = true});
  EXPECT_EQ(removed, (Strings{"Untagged: x:1", "Untagged: y:1", "Deleted: " + id.str()}));
}

TEST_F(ImagesTest, an_id_of_one_repository_goes_with_its_names) {
  const ImageId id = add({.author = "a", .names = {"x:1", "x@" + digest('a')}});
  open();
  EXPECT_EQ(remove(std::string(id.hex())),
            (Strings{"Untagged: x:1", "Untagged: x@" + digest('a'), "Deleted: " + id.str()}));
}

TEST_F(ImagesTest, a_stopped_container_holds_what_is_not_forced) {
  const ImageId id = add({.author = "a", .names = {"x:1"}});
  users_[id] = {{.container_id = std::string(64, 'c'), .running = false}};
  open();
  EXPECT_EQ(remove("x:1"), (Strings{"conflict: unable to remove repository reference \"x:1\" (must force) - container "
                                    "cccccccccccc is using its referenced image " + id.short_form()}));
  EXPECT_EQ(remove(id.str()), (Strings{"conflict: unable to delete " + id.short_form() +
                                       " (must be forced) - image is being used by stopped container cccccccccccc"}));
  EXPECT_EQ(remove("x:1", {.force = true}), (Strings{"Untagged: x:1", "Deleted: " + id.str()}));
}

TEST_F(ImagesTest, a_running_container_holds_the_image_but_not_its_name) {
  const ImageId id = add({.author = "a", .names = {"x:1"}});
  users_[id] = {{.container_id = std::string(64, 'c'), .running = true}};
  open();
  EXPECT_EQ(remove(id.str(), {.force = true}),
            (Strings{"conflict: unable to delete " + id.short_form() +
                     " (cannot be forced) - image is being used by running container cccccccccccc"}));
  EXPECT_EQ(images_->inspect("x:1")->repo_tags, (Strings{"x:1"}));
  EXPECT_EQ(remove("x:1", {.force = true}), (Strings{"Untagged: x:1"}));
  EXPECT_TRUE(images_->inspect(id.str()));
}

TEST_F(ImagesTest, a_second_name_goes_beside_a_container) {
  const ImageId id = add({.author = "a", .names = {"x:1", "x:2"}});
  users_[id] = {{.container_id = std::string(64, 'c'), .running = true}};
  open();
  EXPECT_EQ(remove("x:1"), (Strings{"Untagged: x:1"}));
}

TEST_F(ImagesTest, a_parent_stays_while_it_has_children) {
  const ImageId base = add({.author = "base", .names = {"base:1"}});
  const ImageId child = add({.author = "child", .names = {"child:1"}, .parent = base});
  open();
  EXPECT_EQ(remove("base:1"), (Strings{"Untagged: base:1"}));
  EXPECT_EQ(remove(base.str()), (Strings{"conflict: unable to delete " + base.short_form() +
                                         " (cannot be forced) - image has dependent child images"}));
  // The child takes its untagged parent along.
  EXPECT_EQ(remove("child:1"), (Strings{"Untagged: child:1", "Deleted: " + child.str(), "Deleted: " + base.str()}));
}

TEST_F(ImagesTest, no_prune_keeps_the_untagged_parent) {
  const ImageId base = add({.author = "base"});
  const ImageId child = add({.author = "child", .names = {"child:1"}, .parent = base});
  open();
  EXPECT_EQ(remove("child:1", {.no_prune = true}), (Strings{"Untagged: child:1", "Deleted: " + child.str()}));
  EXPECT_TRUE(images_->inspect(base.str()));
}

TEST_F(ImagesTest, a_tagged_parent_is_not_pruned) {
  const ImageId base = add({.author = "base", .names = {"base:1"}});
  add({.author = "child", .names = {"child:1"}, .parent = base});
  open();
  EXPECT_EQ(remove("child:1").size(), 2U);
  EXPECT_TRUE(images_->inspect("base:1"));
}

TEST_F(ImagesTest, names_that_cannot_be_are_told_apart_from_unknown_ones) {
  open();
  EXPECT_EQ(remove("nosuch"), (Strings{"No such image: nosuch:latest"}));
  EXPECT_EQ(remove(std::string(64, 'a')), (Strings{"No such image: sha256:" + std::string(64, 'a')}));
  const auto invalid = images_->remove("Bad Name", {});
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().kind(), ErrorKind::InvalidArgument);
}

TEST_F(ImagesTest, a_tag_is_made_moved_and_timed) {
  const ImageId a = add({.author = "a", .names = {"x:1"}});
  const ImageId b = add({.author = "b", .names = {"y:1"}});
  open();
  EXPECT_FALSE(images_->inspect("x:1")->last_tag_time);
  ASSERT_TRUE(images_->tag("x:1", reference("host:5000/z")));
  EXPECT_EQ(images_->inspect("host:5000/z")->id, a);
  EXPECT_TRUE(images_->inspect("x:1")->last_tag_time);
  ASSERT_TRUE(images_->tag(b.str(), reference("host:5000/z:latest")));
  EXPECT_EQ(images_->inspect("host:5000/z")->id, b);
  EXPECT_EQ(images_->inspect(a.str())->repo_tags, (Strings{"x:1"}));
  EXPECT_EQ(images_->tag("x:1", reference("z@" + digest('a'))).error().message(),
            "refusing to create a tag with a digest reference");
  EXPECT_EQ(images_->tag("nosuch", reference("z")).error().kind(), ErrorKind::NotFound);
}

TEST_F(ImagesTest, a_platform_that_the_image_lacks_is_not_found) {
  add({.author = "a", .names = {"x:1"}});
  open();
  EXPECT_TRUE(images_->resolve("x:1"));
  EXPECT_TRUE(images_->resolve("x:1", spec::Platform{.architecture = "amd64", .os = "linux"}));
  const auto other = images_->resolve("x:1", spec::Platform{.architecture = "arm64", .os = "linux"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(other.error().message(),
            "image with reference x:1 was found but its platform (linux/amd64) does not match the specified "
            "platform (linux/arm64)");
}

TEST_F(ImagesTest, a_resolved_image_stays_until_its_lease_ends) {
  const ImageId id = add({.author = "a", .names = {"x:1"}});
  open();
  auto resolved = images_->resolve("x:1");
  ASSERT_TRUE(resolved);
  ASSERT_EQ(remove("x:1").size(), 2U);
  EXPECT_TRUE(content_->has(id)) << "somebody is making a container of it";
  resolved->lease.reset();
  ASSERT_TRUE(images_->collect());
}

class ImageListTest : public ImagesTest {
 protected:
  void SetUp() override {
    ImagesTest::SetUp();
    const ImageId base = add({.author = "base", .created = "2020-01-01T00:00:00Z"});
    add({.author = "old", .created = "2021-01-01T00:00:00Z", .names = {"repo:old", "h:1/repo:old"}, .parent = base,
         .labels = R"({"stage":"test","empty":""})"});
    add({.author = "young", .created = "2023-01-01T00:00:00Z", .names = {"repo:young", "repo@" + digest('a')},
         .labels = R"({"stage":"prod"})"});
    add({.author = "loose", .created = "2022-01-01T00:00:00Z"});
    open();
  }
};

TEST_F(ImageListTest, shows_the_newest_first_and_no_intermediate_image) {
  EXPECT_EQ(listed(), (Strings{"young", "loose", "old"}));
  EXPECT_EQ(listed({}, true), (Strings{"young", "loose", "old", "base"}));
}

TEST_F(ImageListTest, filters_by_dangling) {
  EXPECT_EQ(listed({{"dangling", {"true"}}}), (Strings{"loose"}));
  EXPECT_EQ(listed({{"dangling", {"0"}}}), (Strings{"young", "old"}));
  EXPECT_EQ(listed({{"dangling", {"maybe"}}}), (Strings{"invalid filter 'dangling=[maybe]'"}));
}

TEST_F(ImageListTest, filters_by_labels) {
  EXPECT_EQ(listed({{"label", {"stage"}}}), (Strings{"young", "old"}));
  EXPECT_EQ(listed({{"label", {"stage=prod"}}}), (Strings{"young"}));
  EXPECT_EQ(listed({{"label", {"empty="}}}), (Strings{"old"}));
  EXPECT_EQ(listed({{"label", {"stage", "empty"}}}), (Strings{"old"}));
  EXPECT_EQ(listed({{"label!", {"stage=prod"}}}), (Strings{"loose", "old"}));
}

TEST_F(ImageListTest, filters_by_reference) {
  EXPECT_EQ(listed({{"reference", {"repo"}}}), (Strings{"young", "old"}));
  EXPECT_EQ(listed({{"reference", {"repo:*ld"}}}), (Strings{"old"}));
  EXPECT_EQ(listed({{"reference", {"*/repo", "nosuch"}}}), (Strings{"old"}));
  const auto found = images_->list({.filters = {{"reference", {"h:1/repo:old"}}}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().repo_tags, (Strings{"h:1/repo:old"})) << "names that do not match are not shown";
  EXPECT_EQ(listed({{"reference", {"["}}}), (Strings{"invalid filter 'reference=[[]': syntax error in pattern"}));
}

TEST_F(ImageListTest, filters_by_the_age_of_another_image) {
  EXPECT_EQ(listed({{"before", {"repo:young"}}}), (Strings{"loose", "old"}));
  EXPECT_EQ(listed({{"since", {"repo:old"}}}), (Strings{"young", "loose"}));
  EXPECT_EQ(listed({{"since", {"repo:old"}}, {"before", {"repo:young"}}}), (Strings{"loose"}));
  EXPECT_EQ(listed({{"since", {"nosuch"}}}), (Strings{"No such image: nosuch:latest"}));
}

TEST_F(ImageListTest, filters_by_time_in_every_form_of_dockers) {
  EXPECT_EQ(listed({{"until", {"2022-06-01T00:00:00Z"}}}), (Strings{"loose", "old"}));
  EXPECT_EQ(listed({{"until", {"2021-06-01"}}}), (Strings{"old"}));
  EXPECT_EQ(listed({{"until", {"1609459201"}}}), (Strings{"old"}));
  EXPECT_EQ(listed({{"until", {"1.5h"}}}), (Strings{"young", "loose", "old"}));
  EXPECT_EQ(listed({{"until", {"90m30s"}}}), (Strings{"young", "loose", "old"}));
  for (const char* text : {"soon", "5", "1000000000000000h", "1h30"}) {
    const Strings answer = listed({{"until", {text}}});
    if (std::string_view(text) == "5") EXPECT_TRUE(answer.empty());
    else EXPECT_EQ(answer, (Strings{fmt::format("invalid value for \"until\" filter: \"{}\"", text)}));
  }
}

TEST_F(ImageListTest, an_unknown_filter_is_named) {
  EXPECT_EQ(listed({{"color", {"red"}}}), (Strings{"invalid filter 'color'"}));
}

TEST_F(ImagesTest, a_creation_time_that_no_clock_has_is_unknown) {
  for (const char* created : {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "never"})
    add({.author = created, .created = created});
  open();
  const auto found = images_->list({});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3U);
  for (const Summary& summary : *found) EXPECT_EQ(summary.created_s, 0);
}

TEST_F(ImagesTest, an_open_without_a_temporary_directory_is_refused) {
  Options options;
  options.content = content_.get();
  options.snapshots = snapshots_.get();
  options.database = database_.get();
  EXPECT_FALSE(Images::open(std::move(options)));
}

TEST_F(ImagesTest, what_a_load_left_behind_goes_at_the_start) {
  std::filesystem::create_directories(directory_ / "tmp/half/made");
  open();
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "tmp"));
}

TEST_F(ImagesTest, bad_settings_of_registries_change_nothing) {
  add({.author = "a", .names = {"x:1"}});
  open();
  registry::Settings settings;
  settings.mirrors = {"not a url"};
  EXPECT_FALSE(images_->reconfigure(settings, 3));
  EXPECT_TRUE(images_->reconfigure({}, 3));
  EXPECT_TRUE(images_->inspect("x:1"));
}

}  // namespace
}  // namespace wherry::image
