#include "sys/elf.h"

#include <elf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/strings.h"

namespace wherry::sys {
namespace {

constexpr std::size_t kMostHeaders = 64;
constexpr std::size_t kMostNoteBytes = 64 * 1024;
constexpr std::string_view kOwner{"GNU\0", 4};

Result<std::string> read_at(const Fd& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t count = ::pread(file.get(), bytes.data(), size, static_cast<off_t>(offset));
  if (count < 0) return Error::from_errno(errno, "read program");
  if (static_cast<std::size_t>(count) != size) return Error::invalid("the program's file is cut short");
  return bytes;
}

template <class T>
Result<T> read_structure(const Fd& file, std::uint64_t offset) {
  const std::string bytes = TRY(read_at(file, offset, sizeof(T)));
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// Of one segment of notes; empty: not among them.
std::string find_build_id(std::string_view notes) {
  Elf64_Nhdr head;
  while (notes.size() >= sizeof head) {
    std::memcpy(&head, notes.data(), sizeof head);
    notes.remove_prefix(sizeof head);
    const std::size_t name = padded(head.n_namesz);
    if (name > notes.size() || padded(head.n_descsz) > notes.size() - name) return {};
    if (head.n_type == NT_GNU_BUILD_ID && notes.substr(0, head.n_namesz) == kOwner)
      return to_hex({reinterpret_cast<const std::uint8_t*>(notes.data()) + name, head.n_descsz});
    notes.remove_prefix(name + padded(head.n_descsz));
  }
  return {};
}

}  // namespace

Result<std::string> build_id(const Fd& program) {
  const auto head = TRY(read_structure<Elf64_Ehdr>(program, 0));
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64)
    return Error::invalid("not a 64-bit ELF program");
  if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > kMostHeaders)
    return Error::invalid("unknown form of program headers");
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    const auto segment = TRY(read_structure<Elf64_Phdr>(program, head.e_phoff + i * sizeof(Elf64_Phdr)));
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMostNoteBytes) continue;
    const std::string notes = TRY(read_at(program, segment.p_offset, segment.p_filesz));
    if (std::string found = find_build_id(notes); !found.empty()) return found;
  }
  return Error::not_found("the program has no build id");
}

}  // namespace wherry::sys
