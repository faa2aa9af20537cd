#include "sys/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>

namespace wherry::sys {
namespace {

// A program of one header and one segment of notes.
std::string program(std::string_view notes, std::uint32_t type = PT_NOTE) {
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_phoff = sizeof head;
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = type;
  segment.p_offset = sizeof head + sizeof segment;
  segment.p_filesz = notes.size();
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  return bytes.append(notes);
}

std::string note(std::uint32_t type, std::string_view owner, std::string_view description) {
  const Elf64_Nhdr head{static_cast<Elf64_Word>(owner.size()),
                        static_cast<Elf64_Word>(description.size()), type};
  std::string bytes(reinterpret_cast<const char*>(&head), sizeof head);
  for (const std::string_view part : {owner, description}) {
    bytes.append(part);
    bytes.append((4 - part.size() % 4) % 4, '\0');
  }
  return bytes;
}

constexpr std::string_view kGnu{"GNU\0", 4};

Result<std::string> build_id_of(const std::string& bytes) {
  const Fd program = TRY(sealed_memfd("program", bytes));
  return build_id(program);
}

TEST(BuildId, is_found_behind_other_notes) {
  const std::string notes = note(5, kGnu, "property") + note(NT_GNU_BUILD_ID, std::string_view("abc\0", 4), "xx") +
                            note(NT_GNU_BUILD_ID, kGnu, "\x01\xab\xff");
  EXPECT_EQ(build_id_of(program(notes)).value_or("-"), "01abff");
}

TEST(BuildId, of_this_program_is_twenty_bytes) {
  const auto id = build_id(*open_at({}, "/proc/self/exe", O_RDONLY));
  ASSERT_TRUE(id.has_value()) << id.error().message();
  EXPECT_EQ(id->size(), 40U);
}

TEST(BuildId, is_not_in_a_program_without_notes) {
  EXPECT_EQ(build_id_of(program("")).error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(build_id_of(program(note(NT_GNU_BUILD_ID, kGnu, "id"), PT_LOAD)).error().kind(), ErrorKind::NotFound);
}

TEST(BuildId, refuses_what_is_no_program) {
  for (const std::string& bytes : {std::string(), std::string("#!/bin/sh\n"), std::string(200, 'x'),
                                   program(note(NT_GNU_BUILD_ID, kGnu, "id")).substr(0, 130)})
    EXPECT_EQ(build_id_of(bytes).error().kind(), ErrorKind::InvalidArgument) << bytes.size();
}

// Lengths of a note that point behind its end, one byte at a time.
TEST(BuildId, is_not_read_past_the_end_of_the_notes) {
  const std::string whole = note(NT_GNU_BUILD_ID, kGnu, "0123456789");
  for (std::size_t size = 0; size < whole.size() - 2; ++size)
    EXPECT_EQ(build_id_of(program(whole.substr(0, size))).error().kind(), ErrorKind::NotFound) << size;
  std::string huge = whole;
  huge[4] = huge[5] = huge[6] = huge[7] = '\xff';
  EXPECT_EQ(build_id_of(program(huge)).error().kind(), ErrorKind::NotFound);
}

}  // namespace
}  // namespace wherry::sys
