#include "spec/reference.h"

#include <gtest/gtest.h>

namespace wherry::spec {
namespace {

const std::string kHex(64, 'a');

struct Good {
  std::string text;
  std::string full;
  std::string familiar;
};

class GoodReference : public testing::TestWithParam<Good> {};

TEST_P(GoodReference, has_this_full_and_familiar_form) {
  const auto reference = parse_reference(GetParam().text);
  ASSERT_TRUE(reference) << reference.error().message();
  EXPECT_EQ(reference->str(), GetParam().full);
  EXPECT_EQ(reference->familiar(), GetParam().familiar);
}

INSTANTIATE_TEST_SUITE_P(
    Table, GoodReference,
    testing::Values(
        Good{"alpine", "docker.io/library/alpine", "alpine"},
        Good{"alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"},
        Good{"library/alpine", "docker.io/library/alpine", "alpine"},
        Good{"docker.io/alpine", "docker.io/library/alpine", "alpine"},
        Good{"docker.io/library/alpine", "docker.io/library/alpine", "alpine"},
        Good{"index.docker.io/alpine", "docker.io/library/alpine", "alpine"},
        Good{"foo/bar:1", "docker.io/foo/bar:1", "foo/bar:1"},
        Good{"library/foo/bar", "docker.io/library/foo/bar", "library/foo/bar"},
        Good{"docker.io/evil.example/x", "docker.io/evil.example/x", "docker.io/evil.example/x"},
        Good{"docker.io/docker.io/x", "docker.io/docker.io/x", "docker.io/docker.io/x"},
        Good{"docker.io/index.docker.io/x", "docker.io/index.docker.io/x", "docker.io/index.docker.io/x"},
        Good{"localhost/x", "localhost/x", "localhost/x"},
        Good{"localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"},
        Good{"127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"},
        Good{"[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"},
        Good{"[2001:db8::1]/x", "[2001:db8::1]/x", "[2001:db8::1]/x"},
        Good{"Registry/x", "Registry/x", "Registry/x"},
        Good{"my.host/x_y/z__w/a-b/c--d/e.f", "my.host/x_y/z__w/a-b/c--d/e.f",
             "my.host/x_y/z__w/a-b/c--d/e.f"},
        Good{"a:_tag.With-All_9", "docker.io/library/a:_tag.With-All_9", "a:_tag.With-All_9"},
        Good{"a@sha256:" + kHex, "docker.io/library/a@sha256:" + kHex, "a@sha256:" + kHex},
        Good{"h:1/a:t@sha256:" + kHex, "h:1/a:t@sha256:" + kHex, "h:1/a:t@sha256:" + kHex},
        Good{"a:" + std::string(128, 't'), "docker.io/library/a:" + std::string(128, 't'),
             "a:" + std::string(128, 't')}));

struct Bad {
  std::string text;
  std::string message;
};

class BadReference : public testing::TestWithParam<Bad> {};

TEST_P(BadReference, is_refused_with_dockers_words) {
  const auto reference = parse_reference(GetParam().text);
  ASSERT_FALSE(reference) << reference->str();
  EXPECT_EQ(reference.error().kind(), ErrorKind::InvalidArgument);
  EXPECT_EQ(reference.error().message(), GetParam().message);
}

const std::string kInvalid = "invalid reference format";

INSTANTIATE_TEST_SUITE_P(
    Table, BadReference,
    testing::Values(
        Bad{"", kInvalid}, Bad{":tag", kInvalid}, Bad{"a:", kInvalid}, Bad{"a@", kInvalid},
        Bad{"/a", kInvalid}, Bad{"a/", kInvalid}, Bad{"a//b", kInvalid}, Bad{"a b", kInvalid},
        Bad{"../x", kInvalid}, Bad{"a/../b", kInvalid}, Bad{"-a", kInvalid}, Bad{"a-", kInvalid},
        Bad{"a___b", kInvalid}, Bad{"a..b", kInvalid}, Bad{"a._b", kInvalid},
        Bad{"a:-t", kInvalid}, Bad{"a:b/c", kInvalid}, Bad{"a:b:c", kInvalid},
        Bad{"http://x/y", kInvalid}, Bad{"host:port/x", kInvalid}, Bad{"-h.com/x", kInvalid},
        Bad{"[::1/x", kInvalid}, Bad{"[]:5/x", kInvalid}, Bad{"a\nb", kInvalid},
        Bad{std::string("a\0b", 3), kInvalid}, Bad{"caf\xc3\xa9", kInvalid},
        Bad{"a:" + std::string(129, 't'), kInvalid},
        Bad{"a@sha256:abc", kInvalid}, Bad{"a@sha256:../../etc/passwd", kInvalid},
        Bad{"a@sha1:" + std::string(40, 'a'), "unsupported digest algorithm"},
        Bad{"a@sha256:" + std::string(40, 'a'), "invalid checksum digest length"},
        Bad{"a@sha256:" + std::string(64, 'A'), "invalid checksum digest format"},
        Bad{"Foo", "invalid reference format: repository name (library/Foo) must be lowercase"},
        Bad{"a/Foo:x", "invalid reference format: repository name (a/Foo) must be lowercase"},
        Bad{kHex, "invalid repository name (" + kHex +
                      "), cannot specify 64-byte hexadecimal strings"},
        Bad{"h.io/" + std::string(256, 'a'),
            "repository name must not be more than 255 characters"}));

TEST(Reference, gets_the_default_tag_only_without_tag_and_digest) {
  EXPECT_EQ(parse_reference("a")->with_default_tag().familiar(), "a:latest");
  EXPECT_EQ(parse_reference("a:1")->with_default_tag().familiar(), "a:1");
  const std::string digested = "a@sha256:" + kHex;
  EXPECT_EQ(parse_reference(digested)->with_default_tag().familiar(), digested);
}

TEST(Reference, checks_tags_alone) {
  EXPECT_TRUE(check_tag("v1.0"));
  EXPECT_EQ(check_tag("a b").error().message(), "invalid tag format");
}

TEST(ImageId, is_a_full_id_or_has_the_algorithm) {
  EXPECT_TRUE(looks_like_image_id(kHex));
  EXPECT_TRUE(looks_like_image_id("sha256:" + kHex));
  EXPECT_TRUE(looks_like_image_id("sha256:ab"));
  EXPECT_FALSE(looks_like_image_id("abc"));
  EXPECT_FALSE(looks_like_image_id("sha256:"));
  EXPECT_FALSE(looks_like_image_id("sha256:xyz"));
}

}  // namespace
}  // namespace wherry::spec
