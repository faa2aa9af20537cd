#include "base/digest.h"

#include <gtest/gtest.h>

namespace wherry {
namespace {

const std::string kHex(64, 'a');

TEST(Digest, parse_keeps_the_canonical_form) {
  const auto digest = Digest::parse("sha256:" + kHex);
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->str(), "sha256:" + kHex);
  EXPECT_EQ(digest->hex(), kHex);
  EXPECT_EQ(digest->short_form(), "aaaaaaaaaaaa");
}

TEST(Digest, parse_refuses_everything_else) {
  const std::string upper(64, 'A');
  const std::string cases[] = {
      "", ":", "sha256", "sha256:", kHex, "sha256:" + kHex.substr(1), "sha256:" + kHex + "a",
      "sha256:" + upper, "SHA256:" + kHex, "sha1:" + kHex, "sha512:" + kHex + kHex,
      "sha256:../../" + kHex.substr(6), "sha256:/" + kHex.substr(1), " sha256:" + kHex,
      "sha256:" + kHex + "\n", "sha256:" + kHex.substr(1) + std::string(1, '\0'),
      "sha256:sha256:" + kHex, "sha256+b64:" + kHex};
  for (const std::string& text : cases) {
    const auto digest = Digest::parse(text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().kind(), ErrorKind::InvalidArgument);
  }
}

TEST(Digest, errors_have_dockers_words) {
  EXPECT_EQ(Digest::parse("sha256:abc").error().message(), "invalid checksum digest length");
  EXPECT_EQ(Digest::parse("md5:" + kHex).error().message(), "unsupported digest algorithm");
  EXPECT_EQ(Digest::parse("nothing").error().message(), "invalid checksum digest format");
}

TEST(Digest, from_bytes_is_hex) {
  std::array<std::uint8_t, 32> bytes{};
  bytes[0] = 0xab;
  EXPECT_EQ(Digest::from_bytes(bytes).str(), "sha256:ab" + std::string(62, '0'));
}

}  // namespace
}  // namespace wherry
