#include "cli/confirm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "base/strings.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

constexpr std::size_t kLongestAnswer = 4096;

}  // namespace

bool confirm(std::string_view question) {
  print(fmt::format("{} [y/N] ", question));
  std::string answer;
  char letter = 0;
  // Byte by byte: what comes behind the line belongs to somebody else.
  while (answer.size() < kLongestAnswer && ::read(STDIN_FILENO, &letter, 1) == 1 && letter != '\n')
    answer += letter;
  return to_lower(trim(answer)) == "y";
}

}  // namespace wherry::cli
