#include "image/catalog.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "archive/sha256.h"
#include "metadata/schema.h"

namespace wherry::image {
namespace {

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = "/tmp/wherry-catalog-XXXXXX";
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    content_ = *content::Store::open(root_ + "/content");
    open();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // Also reopens: what the database says is what counts.
  void open() {
    catalog_.reset();
    database_.reset();
    database_ = *metadata::Database::open(root_ + "/db", metadata::schema());
    auto loaded = Catalog::load(*database_, *content_);
    ASSERT_TRUE(loaded) << loaded.error().message();
    catalog_ = *std::move(loaded);
  }

  ImageId add(std::string_view author, const std::vector<std::string>& names) {
    const std::string json = fmt::format(
        R"({{"os":"linux","architecture":"amd64","author":"{}","rootfs":{{"type":"layers"}}}})",
        author);
    Record record{.id = *content_->put(json),
                  .size = 7,
                  .layers = {{digest('d'), digest('b'), 9, "type"}},
                  .config = *spec::parse_image_config(json),
                  .config_json = json};
    std::vector<spec::Reference> references;
    for (const std::string& name : names) references.push_back(*spec::parse_reference(name));
    const ImageId id = record.id;
    EXPECT_TRUE(catalog_->put(std::move(record), references));
    return id;
  }

  static Digest digest(char fill) { return *Digest::from_hex(std::string(64, fill)); }

  std::string found(std::string_view name) const {
    const auto record = catalog_->find(name);
    return record ? (*record)->id.str() : record.error().message();
  }

  std::string root_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<metadata::Database> database_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, finds_by_name_id_and_prefix) {
  const ImageId id = add("me", {"alpine:latest", "h:1/x@" + digest('a').str()});
  for (const std::string& name :
       {std::string("alpine"), std::string("docker.io/library/alpine:latest"), id.str(),
        std::string(id.hex()), id.short_form(), "sha256:" + id.short_form(),
        "h:1/x@" + digest('a').str(), "h:1/x:any@" + digest('a').str()})
    EXPECT_EQ(found(name), id.str()) << name;
}

TEST_F(CatalogTest, names_what_it_does_not_know_as_docker_does) {
  add("me", {"alpine:latest"});
  EXPECT_EQ(found("alpine:3"), "No such image: alpine:3");
  EXPECT_EQ(found("nosuch"), "No such image: nosuch:latest");
  EXPECT_EQ(found(std::string(64, '0')), "No such image: sha256:" + std::string(64, '0'));
  EXPECT_EQ(found("UPPER"), "invalid reference format: repository name (library/UPPER) must be lowercase");
}

TEST_F(CatalogTest, an_ambiguous_prefix_is_unknown) {
  const ImageId first = add("0", {});
  // 17 images: two ids begin with the same character.
  std::map<char, int> counts;
  ++counts[first.hex()[0]];
  for (int i = 1; i < 17; ++i) ++counts[add(std::to_string(i), {}).hex()[0]];
  for (const auto& [start, count] : counts) {
    const std::string prefix = fmt::format("sha256:{}", start);
    if (count > 1) {
      EXPECT_EQ(found(prefix), "No such image: " + prefix);
    }
  }
}

TEST_F(CatalogTest, a_tag_moves_to_the_newer_image) {
  const ImageId old = add("old", {"x:1"});
  const ImageId young = add("young", {"x:1"});
  EXPECT_EQ(found("x:1"), young.str());
  EXPECT_TRUE(catalog_->names_of(old).empty());
  EXPECT_EQ(found(old.str()), old.str());
}

TEST_F(CatalogTest, keeps_everything_over_a_restart) {
  const ImageId id = add("me", {"x:1", "x@" + digest('a').str()});
  open();
  const auto record = catalog_->find("x:1");
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ((*record)->id, id);
  EXPECT_EQ((*record)->size, 7U);
  EXPECT_EQ((*record)->config.author, "me");
  ASSERT_EQ((*record)->layers.size(), 1U);
  EXPECT_EQ((*record)->layers[0].blob_size, 9U);
  EXPECT_EQ(catalog_->names_of(id).size(), 2U);
}

TEST_F(CatalogTest, drops_an_image_whose_config_is_gone) {
  const ImageId id = add("me", {"x:1"});
  ASSERT_TRUE(content_->remove(id));
  open();
  EXPECT_EQ(found("x:1"), "No such image: x:1");
  open();
  EXPECT_TRUE(catalog_->all().empty());
}

TEST_F(CatalogTest, knows_what_is_needed_until_the_image_goes) {
  const ImageId id = add("me", {"x@" + digest('a').str()});
  for (const char fill : {'a', 'b', 'd'}) EXPECT_TRUE(catalog_->needs(digest(fill))) << fill;
  EXPECT_TRUE(catalog_->needs(id));
  EXPECT_EQ(catalog_->layer(digest('d'))->blob, digest('b'));
  ASSERT_TRUE(catalog_->remove(id));
  for (const char fill : {'a', 'b', 'd'}) EXPECT_FALSE(catalog_->needs(digest(fill))) << fill;
  open();
  EXPECT_TRUE(catalog_->all().empty());
}

}  // namespace
}  // namespace wherry::image
