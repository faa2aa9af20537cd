#include "network/rules_watch.h"

// clang-format off
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
// clang-format on
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::network {
namespace {

// Against somebody who removes our rules as often as we write them.
constexpr int kRest_ms = 200;
// Of all kinds of objects the first attribute is the table's name.
constexpr std::uint16_t kTableName = NFTA_TABLE_NAME;
static_assert(NFTA_CHAIN_TABLE == kTableName && NFTA_RULE_TABLE == kTableName &&
              NFTA_SET_TABLE == kTableName && NFTA_SET_ELEM_LIST_TABLE == kTableName);

}  // namespace

Result<std::unique_ptr<RulesWatch>> RulesWatch::start(Options options) {
  sys::NetlinkSocket events = TRY(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  TRY(events.ignore_changes_of(options.own_port));
  TRY(events.subscribe(NFNLGRP_NFTABLES));
  sys::Fd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return Error::from_errno(errno, "eventfd");
  return std::unique_ptr<RulesWatch>(
      new RulesWatch(std::move(options), std::move(events), std::move(stop)));
}

RulesWatch::RulesWatch(Options options, sys::NetlinkSocket events, sys::Fd stop)
    : options_(std::move(options)), events_(std::move(events)), stop_(std::move(stop)) {
  thread_ = std::thread([this] { run(); });
}

RulesWatch::~RulesWatch() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

// False: the end. -1: until something has changed; else for so long.
bool RulesWatch::wait(int patience_ms) const {
  const bool rests = patience_ms >= 0;
  std::array<pollfd, 2> watched = {
      {{stop_.get(), POLLIN, 0}, {rests ? -1 : events_.fd().get(), POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), patience_ms) < 0 && errno == EINTR) continue;
  return watched[0].revents == 0;
}

bool RulesWatch::was_touched() {
  bool touched = false;
  const auto read = events_.read_changes(
      [&](const nlmsghdr& header, std::span<const std::byte> body) {
        const bool of_tables = header.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES;
        if (!of_tables || body.size() < sizeof(nfgenmsg)) return;
        const bool ours = (options_.every_family ||
                           static_cast<std::uint8_t>(body.front()) == NFPROTO_INET) &&
                          (header.nlmsg_type & 0xff) != NFT_MSG_NEWGEN;
        const sys::NetlinkAttributes attributes(body.subspan(sizeof(nfgenmsg)));
        if (ours && attributes.text(kTableName) == options_.table) touched = true;
      });
  // ENOBUFS: others have changed more than the kernel kept for us. Our own changes are not
  // among them, so that this cannot go on for ever.
  return touched || !read;
}

void RulesWatch::run() {
  while (wait(-1)) {
    if (!was_touched()) continue;
    options_.touched();
    if (!wait(kRest_ms)) return;
  }
}

}  // namespace wherry::network
