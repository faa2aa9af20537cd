#include "engine/network_store.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/time.h"
#include "metadata/database.h"
#include "spec/json.h"

// The members are on users' disks: a released name keeps its meaning (docs/formats).
template <>
struct wherry::json::Describe<wherry::network::Description> {
  using T = wherry::network::Description;
  // id, name and created are columns of the row.
  static constexpr auto fields = std::tuple{
      field("driver", &T::driver),
      field("subnet", &T::subnet),
      field("gateway", &T::gateway),
      omit_empty("options", &T::options),
      omit_empty("labels", &T::labels),
      omit_empty("ip_range", &T::ip_range),
      omit_empty("auxiliary_addresses", &T::auxiliary_addresses),
      omit_empty("subnet_chosen", &T::subnet_chosen),
      field("gateway_shown", &T::gateway_shown),
      omit_empty("internal", &T::internal),
      omit_empty("attachable", &T::attachable),
      field("ipam_options", &T::ipam_options),
      field("bridge", &T::bridge),
      omit_empty("subnet6", &T::subnet6),
      omit_empty("gateway6", &T::gateway6),
      omit_empty("ip_range6", &T::ip_range6),
      omit_empty("auxiliary_addresses6", &T::auxiliary_addresses6),
      omit_empty("subnet6_chosen", &T::subnet6_chosen),
      field("gateway6_shown", &T::gateway6_shown)};
};

namespace wherry::engine {
namespace {

using metadata::Connection;

Result<network::Description> parse_row(const metadata::Row& row) {
  auto network = TRY(json::parse<network::Description>(row.text(3)));
  network.id = NetworkId(row.text(0));
  network.name = row.text(1);
  network.created = parse_rfc3339(row.text(2)).value_or(Instant());
  return network;
}

}  // namespace

Result<std::vector<network::Description>> load_networks(metadata::Database& database) {
  using Networks = std::vector<network::Description>;
  return database.read([](Connection& connection) -> Result<Networks> {
    Networks networks;
    auto rows = TRY(connection.query("SELECT id, name, created, record FROM network"));
    while (const metadata::Row* row = TRY(rows.next())) {
      auto network = parse_row(*row);
      if (network) networks.push_back(std::move(*network));
      else log::error("network {}: {}", row->text(1), network.error().message());
    }
    return networks;
  });
}

Result<> insert_network(metadata::Database& database, const network::Description& network) {
  const std::string created = format_rfc3339_nano(network.created);
  const std::string record = json::write(network);
  return database.write([&](Connection& connection) -> Result<> {
    return connection.execute("INSERT INTO network(id, name, created, record) VALUES(?, ?, ?, ?)",
                              {network.id.str(), network.name, created, record});
  });
}

Result<> delete_network(metadata::Database& database, const NetworkId& id) {
  return database.write([&](Connection& connection) -> Result<> {
    return connection.execute("DELETE FROM network WHERE id = ?", {id.str()});
  }, metadata::Survives::PowerCut, metadata::Space::Reserve);
}

}  // namespace wherry::engine
