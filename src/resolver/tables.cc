#include "resolver/tables.h"

#include <algorithm>

#include "base/strings.h"

namespace wherry::resolver {
namespace {

template <class List>
Result<> check_count(const List& list, std::size_t limit, const char* what) {
  if (list.size() > limit) return Error::invalid(std::string("too many ") + what);
  return {};
}

Result<> check_name(const std::string& name) {
  if (name.empty() || name.size() > kLimits.name_bytes)
    return Error::invalid("name is empty or too long");
  return {};
}

Result<> check_address(const std::string& text, std::size_t size) {
  if (text.empty()) return {};
  const auto address = parse_address(text);
  if (!address || address->size != size) return Error::invalid("invalid address: " + text);
  return {};
}

Result<> check_attachment(const Attachment& attachment) {
  TRY(check_count(attachment.names, kLimits.names, "names"));
  for (const std::string& name : attachment.names) TRY(check_name(name));
  TRY(check_name(attachment.network_id));
  TRY(check_name(attachment.network_name));
  TRY(check_address(attachment.ipv4, 4));
  return check_address(attachment.ipv6, 16);
}

void add(Tables::Found& found, const std::optional<Address>& address) {
  if (!address) return;
  if (address->size == 4) {
    std::copy_n(address->bytes.begin(), 4, found.ipv4.emplace_back().begin());
  } else {
    found.ipv6.push_back(address->bytes);
  }
}

std::optional<Address> address_of(const std::string& text) {
  return text.empty() ? std::nullopt : parse_address(text);
}

}  // namespace

Result<> check(const Container& container) {
  TRY(check_name(container.id));
  TRY(check_count(container.attachments, kLimits.attachments, "networks"));
  TRY(check_count(container.links, kLimits.links, "links"));
  TRY(check_count(container.upstreams, kLimits.upstreams, "name servers"));
  for (const Attachment& attachment : container.attachments) TRY(check_attachment(attachment));
  for (const Link& link : container.links) {
    TRY(check_name(link.alias));
    TRY(check_name(link.target));
  }
  for (const std::string& server : container.upstreams)
    if (!parse_address(server)) return Error::invalid("invalid name server: " + server);
  return {};
}

void Tables::put(Container container) {
  remove(container.id);
  index(container);
  std::string id = container.id;
  containers_.insert_or_assign(std::move(id), std::move(container));
}

void Tables::remove(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  unindex(found->second);
  containers_.erase(found);
}

const Container* Tables::find(const std::string& id) const {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : &found->second;
}

void Tables::index(const Container& container) {
  for (const Attachment& attachment : container.attachments) {
    Network& network = networks_[attachment.network_id];
    const Record record{container.id, address_of(attachment.ipv4), address_of(attachment.ipv6)};
    for (const std::string& name : attachment.names) {
      auto& records = network.names[to_lower(name)];
      // An alias may repeat the container's own name.
      if (std::ranges::find(records, container.id, &Record::container) == records.end())
        records.push_back(record);
    }
    if (attachment.names.empty()) continue;
    for (const auto& address : {record.ipv4, record.ipv6})
      if (address)
        network.reverse[*address] = {container.id,
                                     attachment.names.front() + "." + attachment.network_name};
  }
}

void Tables::unindex(const Container& container) {
  for (const Attachment& attachment : container.attachments) {
    const auto network = networks_.find(attachment.network_id);
    if (network == networks_.end()) continue;
    for (const std::string& name : attachment.names) {
      const auto found = network->second.names.find(to_lower(name));
      if (found == network->second.names.end()) continue;
      std::erase_if(found->second, [&](const Record& r) { return r.container == container.id; });
      if (found->second.empty()) network->second.names.erase(found);
    }
    // An address may have a new owner already.
    std::erase_if(network->second.reverse,
                  [&](const auto& entry) { return entry.second.container == container.id; });
    if (network->second.names.empty()) networks_.erase(network);
  }
}

std::optional<Tables::Found> Tables::look_up_in(const std::string& network_id,
                                                const std::string& name) {
  const auto network = networks_.find(network_id);
  if (network == networks_.end()) return std::nullopt;
  const auto entry = network->second.names.find(name);
  if (entry == network->second.names.end()) return std::nullopt;
  const std::vector<Record>& records = entry->second;
  const std::size_t first = network->second.turn++ % records.size();
  Found found;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[(first + i) % records.size()];
    add(found, record.ipv4);
    add(found, record.ipv6);
  }
  return found;
}

std::optional<Tables::Found> Tables::look_up_on_networks(const Container& asker,
                                                         const std::string& name) {
  for (const Attachment& attachment : asker.attachments)
    if (auto found = look_up_in(attachment.network_id, name)) return found;
  for (const Attachment& attachment : asker.attachments) {
    const std::string suffix = "." + to_lower(attachment.network_name);
    if (!name.ends_with(suffix)) continue;
    const std::string inner = name.substr(0, name.size() - suffix.size());
    if (auto found = look_up_in(attachment.network_id, inner)) return found;
  }
  return std::nullopt;
}

std::optional<Tables::Found> Tables::look_up(const Container& asker, std::string_view name) {
  const std::string lowered = to_lower(name);
  for (const Link& link : asker.links)
    if (to_lower(link.alias) == lowered)
      if (auto found = look_up_on_networks(asker, to_lower(link.target))) return found;
  return look_up_on_networks(asker, lowered);
}

std::optional<std::string> Tables::name_of(const Container& asker, const Address& address) const {
  for (const Attachment& attachment : asker.attachments) {
    const auto network = networks_.find(attachment.network_id);
    if (network == networks_.end()) continue;
    const auto found = network->second.reverse.find(address);
    if (found != network->second.reverse.end()) return found->second.name;
  }
  return std::nullopt;
}

}  // namespace wherry::resolver
