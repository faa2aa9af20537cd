#include "resolver/tables.h"

#include <gtest/gtest.h>

#include "resolver/answer.h"
#include "resolver/testing.h"

namespace wherry::resolver {
namespace {

using testing::make_query;

Attachment on(const std::string& network, const std::string& ip, std::vector<std::string> names) {
  return {.network_id = network + "-id", .network_name = network, .ipv4 = ip, .names = std::move(names)};
}

Container container(const std::string& id, std::vector<Attachment> attachments) {
  return {.id = id, .attachments = std::move(attachments), .upstreams = {"192.0.2.1"}};
}

// Asks for A as `asker` does; the answer's addresses, or what else it says.
std::string ask(Tables& tables, const std::string& asker, const testing::QuerySpec& spec) {
  const std::string packet = make_query(spec);
  const auto answer = answer_locally(tables, *tables.find(asker), packet, *parse_query(packet), 512);
  if (!answer) return "forward";
  const auto read = testing::read_answer(*answer);
  if (read.rcode != Rcode::NoError) return "rcode " + std::to_string(static_cast<int>(read.rcode));
  std::string text = read.pointer;
  for (const auto& list : {read.ipv4, read.ipv6})
    for (const std::string& ip : list) text += (text.empty() ? "" : " ") + ip;
  return text.empty() ? "no data" : text;
}

Tables two_on_one_network() {
  Tables tables;
  tables.put(container("a", {on("net", "172.18.0.2", {"web", "www", "aaaaaaaaaaaa"})}));
  tables.put(container("b", {on("net", "172.18.0.3", {"db"})}));
  return tables;
}

TEST(Tables, names_aliases_and_short_ids_are_known_on_the_network) {
  Tables tables = two_on_one_network();
  for (const char* name : {"web", "www", "aaaaaaaaaaaa", "WEB", "web.net"})
    EXPECT_EQ(ask(tables, "b", {.name = name}), "172.18.0.2") << name;
  EXPECT_EQ(ask(tables, "a", {.name = "web"}), "172.18.0.2");
  EXPECT_EQ(ask(tables, "a", {.name = "db"}), "172.18.0.3");
}

TEST(Tables, other_networks_names_are_not_known) {
  Tables tables = two_on_one_network();
  tables.put(container("c", {on("other", "172.19.0.2", {"web", "only-here"})}));
  EXPECT_EQ(ask(tables, "a", {.name = "only-here"}), "forward");
  EXPECT_EQ(ask(tables, "a", {.name = "only-here.other"}), "forward");
  EXPECT_EQ(ask(tables, "c", {.name = "db"}), "forward");
  EXPECT_EQ(ask(tables, "c", {.name = "web"}), "172.19.0.2");
  EXPECT_EQ(ask(tables, "c", {.name = "2.0.18.172.in-addr.arpa", .type = 12}), "forward");
}

TEST(Tables, of_several_networks_the_first_that_knows_answers) {
  Tables tables = two_on_one_network();
  tables.put(container("c", {on("other", "172.19.0.2", {"db"})}));
  tables.put(container("d", {on("other", "172.19.0.3", {"d"}), on("net", "172.18.0.4", {"d"})}));
  EXPECT_EQ(ask(tables, "d", {.name = "db"}), "172.19.0.2");
  EXPECT_EQ(ask(tables, "d", {.name = "db.net"}), "172.18.0.3");
  EXPECT_EQ(ask(tables, "d", {.name = "web"}), "172.18.0.2");
}

TEST(Tables, an_alias_of_several_is_answered_in_turn) {
  Tables tables;
  tables.put(container("a", {on("net", "172.18.0.2", {"a", "app"})}));
  tables.put(container("b", {on("net", "172.18.0.3", {"b", "app"})}));
  EXPECT_EQ(ask(tables, "a", {.name = "app"}), "172.18.0.2 172.18.0.3");
  EXPECT_EQ(ask(tables, "a", {.name = "app"}), "172.18.0.3 172.18.0.2");
  tables.remove("a");
  EXPECT_EQ(ask(tables, "b", {.name = "app"}), "172.18.0.3");
}

TEST(Tables, a_known_name_without_the_asked_type_has_no_data) {
  Tables tables = two_on_one_network();
  EXPECT_EQ(ask(tables, "a", {.name = "db", .type = 28}), "no data");
  // TXT, MX and HTTPS of a container's name are nobody else's business.
  for (const std::uint16_t type : {16, 15, 65}) EXPECT_EQ(ask(tables, "a", {.name = "db", .type = type}), "no data");
}

TEST(Tables, ipv6_addresses_answer_aaaa) {
  Tables tables = two_on_one_network();
  Container six = container("c", {on("net", "172.18.0.9", {"six"})});
  six.attachments[0].ipv6 = "fd00::9";
  tables.put(six);
  EXPECT_EQ(ask(tables, "a", {.name = "six", .type = 28}), "fd00::9");
  EXPECT_EQ(ask(tables, "a", {.name = "six"}), "172.18.0.9");
}

TEST(Tables, an_address_is_known_by_container_and_network) {
  Tables tables = two_on_one_network();
  EXPECT_EQ(ask(tables, "b", {.name = "2.0.18.172.in-addr.arpa", .type = 12}), "web.net.");
  EXPECT_EQ(ask(tables, "b", {.name = "9.0.18.172.in-addr.arpa", .type = 12}), "forward");
}

TEST(Tables, an_address_that_changed_hands_is_the_new_owners) {
  Tables tables = two_on_one_network();
  tables.put(container("b", {on("net", "172.18.0.2", {"db"})}));
  tables.remove("a");
  EXPECT_EQ(ask(tables, "b", {.name = "2.0.18.172.in-addr.arpa", .type = 12}), "db.net.");
}

TEST(Tables, a_link_is_its_containers_own) {
  Tables tables = two_on_one_network();
  Container linked = container("c", {on("net", "172.18.0.4", {"c"})});
  linked.links = {{.alias = "database", .target = "db"}};
  tables.put(linked);
  EXPECT_EQ(ask(tables, "c", {.name = "database"}), "172.18.0.3");
  EXPECT_EQ(ask(tables, "a", {.name = "database"}), "forward");
}

TEST(Tables, what_is_replaced_or_removed_is_gone) {
  Tables tables = two_on_one_network();
  tables.put(container("b", {on("net", "172.18.0.7", {"store"})}));
  EXPECT_EQ(ask(tables, "a", {.name = "db"}), "forward");
  EXPECT_EQ(ask(tables, "a", {.name = "store"}), "172.18.0.7");
  tables.remove("b");
  tables.remove("b");
  EXPECT_EQ(ask(tables, "a", {.name = "store"}), "forward");
  EXPECT_EQ(tables.find("b"), nullptr);
}

TEST(Tables, where_nothing_may_leave_unknown_names_fail) {
  Tables tables = two_on_one_network();
  Container internal = container("i", {on("net", "172.18.0.5", {"i"})});
  internal.forward = Forward::No;
  tables.put(internal);
  EXPECT_EQ(ask(tables, "i", {.name = "example.org"}), "rcode 2");
  EXPECT_EQ(ask(tables, "i", {.name = "db"}), "172.18.0.3");
}

TEST(Tables, with_ndots_of_its_own_a_single_word_is_left_to_the_search_list) {
  Tables tables = two_on_one_network();
  Container given = container("n", {on("net", "172.18.0.5", {"n"})});
  given.ndots = Ndots::Given;
  tables.put(given);
  EXPECT_EQ(ask(tables, "n", {.name = "nobody"}), "no data");
  EXPECT_EQ(ask(tables, "n", {.name = "nobody.example"}), "forward");
  EXPECT_EQ(ask(tables, "a", {.name = "nobody"}), "forward");
}

TEST(CheckContainer, refuses_what_is_above_a_limit_or_no_address) {
  EXPECT_TRUE(check(container("a", {on("net", "172.18.0.2", {"web"})})));
  EXPECT_FALSE(check(container("", {})));
  EXPECT_FALSE(check(container("a", {on("net", "fd00::1", {"web"})})));
  EXPECT_FALSE(check(container("a", {on("net", "172.18.0.2", {""})})));
  EXPECT_FALSE(check(container("a", {on("net", "172.18.0.2", {std::string(256, 'x')})})));
  Container servers = container("a", {});
  servers.upstreams = {"1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"};
  EXPECT_FALSE(check(servers));
  servers.upstreams = {"dns.example"};
  EXPECT_FALSE(check(servers));
}

}  // namespace
}  // namespace wherry::resolver
