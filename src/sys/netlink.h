// Netlink: messages are encoded into a batch, sent with one sendmsg(2) and answered by the
// kernel before that call returns. Formats: netlink(7), rtnetlink(7), and for nf_tables
// <linux/netfilter/nf_tables.h>.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// One or more requests. Attributes belong to the message begun last. Values are in host
// order unless the name says big endian (`_be`), as nf_tables wants them.
class NetlinkBatch {
 public:
  // `header`: the fixed part behind nlmsghdr (ifinfomsg, nfgenmsg, ...). NLM_F_REQUEST is
  // added. `name` stands in error messages: "create veth".
  template <class Header>
  void message(std::string_view name, std::uint16_t type, std::uint16_t flags,
               const Header& header) {
    static_assert(std::is_trivially_copyable_v<Header>);
    begin(name, type, flags);
    append(std::as_bytes(std::span(&header, 1)));
  }

  void bytes(std::uint16_t type, std::span<const std::byte> value);
  void text(std::uint16_t type, std::string_view value);  // with its NUL
  void flag(std::uint16_t type) { bytes(type, {}); }
  void u8(std::uint16_t type, std::uint8_t value);
  void u16(std::uint16_t type, std::uint16_t value);
  void u32(std::uint16_t type, std::uint32_t value);
  void u32_be(std::uint16_t type, std::uint32_t value);
  void u64_be(std::uint16_t type, std::uint64_t value);
  // Everything that `inside` appends becomes the value of a nested attribute.
  void nest(std::uint16_t type, const std::function<void()>& inside);
  // A struct as a value, or as the header inside a nest (VETH_INFO_PEER).
  template <class Value>
  void raw(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    append(std::as_bytes(std::span(&value, 1)));
  }

  [[nodiscard]] bool empty() const { return starts_.empty(); }
  [[nodiscard]] std::span<const std::byte> encoded() const { return buffer_; }

 private:
  friend class NetlinkSocket;
  void begin(std::string_view name, std::uint16_t type, std::uint16_t flags);
  void append(std::span<const std::byte> data);
  [[nodiscard]] nlmsghdr header_at(std::size_t offset) const;
  void set_header_at(std::size_t offset, const nlmsghdr& header);

  std::vector<std::byte> buffer_;
  std::vector<std::size_t> starts_;
  std::vector<std::string> names_;
};

// The attributes of one message or nest; views into bytes that outlive it. A malformed tail
// ends the list.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::span<const std::byte> bytes);

  [[nodiscard]] std::optional<std::span<const std::byte>> find(std::uint16_t type) const;
  [[nodiscard]] std::optional<NetlinkAttributes> nested(std::uint16_t type) const;
  [[nodiscard]] std::string text(std::uint16_t type) const;  // "" when absent
  [[nodiscard]] std::optional<std::uint32_t> u32(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint32_t> u32_be(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint8_t> u8(std::uint16_t type) const;
  // In order, for lists of equal types.
  struct Attribute {
    std::uint16_t type;
    std::span<const std::byte> value;
  };
  [[nodiscard]] std::span<const Attribute> all() const { return list_; }

 private:
  std::vector<Attribute> list_;
};

// Called with the message type and the bytes behind nlmsghdr.
using NetlinkVisitor = std::function<void(std::uint16_t type, std::span<const std::byte> body)>;

// A netlink socket in the network namespace of the thread that opened it, for ever. One
// thread at a time.
class NetlinkSocket {
 public:
  NetlinkSocket() = default;
  // protocol: NETLINK_ROUTE or NETLINK_NETFILTER.
  static Result<NetlinkSocket> open(int protocol);

  // Sends the batch and returns the first error of any message, with its name, errno and
  // the kernel's own words (extended ack, Linux >= 4.12). rtnetlink carries out what stands
  // behind a failed message; a batch of nf_tables is carried out whole or not at all.
  // `visit` sees what is not an acknowledgement: the objects that get-requests ask for.
  Result<> transact(const NetlinkBatch& batch, const NetlinkVisitor& visit = {});

  // Sends the single message of `request` with NLM_F_DUMP; starts again when the kernel says
  // that the dump was torn by a change (NLM_F_DUMP_INTR), so `visit` may see doubles:
  // `restart` is called first.
  Result<> dump(const NetlinkBatch& request, const NetlinkVisitor& visit,
                const std::function<void()>& restart);

  // Joins a multicast group (RTNLGRP_*): changes arrive from now on.
  Result<> subscribe(unsigned group);
  // Changes that the socket with this port() asked for do not arrive: they neither wake anybody
  // nor fill the buffer, however large they are.
  Result<> ignore_changes_of(std::uint32_t port);
  // What has arrived until now, without waiting. An error with ENOBUFS when the kernel had to
  // leave some out.
  using ChangeVisitor =
      std::function<void(const nlmsghdr& header, std::span<const std::byte> body)>;
  Result<> read_changes(const ChangeVisitor& visit);
  // The kernel's number for this socket; 0 if it cannot say.
  [[nodiscard]] std::uint32_t port() const;
  // Waits until something has arrived and throws all of it away; false when `timeout_ms` is
  // over (at once if it is not positive).
  Result<bool> wait_and_drain(int timeout_ms);

  [[nodiscard]] const Fd& fd() const { return fd_; }
  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  Result<std::uint32_t> send(std::span<std::byte> bytes, const NetlinkBatch& batch,
                             std::uint16_t last_flags);
  Result<> read_answers(const NetlinkBatch& batch, std::uint32_t first_sequence,
                        const NetlinkVisitor& visit);
  Result<bool> read_dump(std::uint32_t sequence, const NetlinkVisitor& visit);

  Fd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace wherry::sys
