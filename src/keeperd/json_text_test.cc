#include "keeperd/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace wherry::keeperd {
namespace {

std::string escaped(const std::string& text) {
  std::string out(text.size() * kMaximumEscape + 1, '?');
  const char* end = escape_json(out.data(), text);
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

TEST(JsonText, plain_text_stays) {
  EXPECT_EQ(escaped(""), "");
  EXPECT_EQ(escaped("plain text of more than eight bytes ~\x7f"), "plain text of more than eight bytes ~\x7f");
}

TEST(JsonText, control_and_html_bytes_as_docker_writes_them) {
  EXPECT_EQ(escaped("\n\r\t\b\x01\x1f"), "\\n\\r\\u0009\\u0008\\u0001\\u001f");
  EXPECT_EQ(escaped("\"\\<>&"), "\\\"\\\\\\u003c\\u003e\\u0026");
  EXPECT_EQ(escaped(std::string(1, '\0')), "\\u0000");
}

TEST(JsonText, every_position_in_a_word_is_looked_at) {
  for (std::size_t at = 0; at < 20; ++at) {
    std::string text(20, 'x');
    text[at] = '"';
    std::string expected = text;
    expected.insert(at, "\\");
    EXPECT_EQ(escaped(text), expected) << at;
  }
}

TEST(JsonText, characters_stay_and_bad_bytes_are_replaced_one_by_one) {
  EXPECT_EQ(escaped("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xa2"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xa2");
  EXPECT_EQ(escaped("\xff\xfe"), "\\ufffd\\ufffd");
  EXPECT_EQ(escaped("\xc3"), "\\ufffd");
  EXPECT_EQ(escaped("\xe2\x82x"), "\\ufffd\\ufffdx");
  EXPECT_EQ(escaped("\xc0\x80"), "\\ufffd\\ufffd");                  // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");       // surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");  // above U+10FFFF
}

TEST(JsonText, line_separators_are_escaped) {
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
}

TEST(JsonText, whole_characters_leaves_out_an_unfinished_one) {
  EXPECT_EQ(whole_characters("abc"), 3U);
  EXPECT_EQ(whole_characters("ab\xc3"), 2U);
  EXPECT_EQ(whole_characters("ab\xe2\x82"), 2U);
  EXPECT_EQ(whole_characters("ab\xf0\x9f\x9a"), 2U);
  EXPECT_EQ(whole_characters("ab\xf0\x9f\x9a\xa2"), 6U);
  EXPECT_EQ(whole_characters("ab\xff"), 3U);
  EXPECT_EQ(whole_characters("\x80\x80\x80\x80"), 4U);
  EXPECT_EQ(whole_characters(""), 0U);
}

}  // namespace
}  // namespace wherry::keeperd
