#include "api/router.h"

#include <gtest/gtest.h>

#include <array>

#include "api/routes.h"
#include "api/version.h"

namespace wherry::api {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() : router_(route_tables()) {}

  std::string pattern_of(std::string_view method, std::string_view path) {
    const auto match = router_.match(method, path);
    return match ? std::string(match->route->pattern) : match.error().message();
  }

  Router router_;
};

TEST_F(RouterTest, serves_with_and_without_a_version) {
  const auto with = router_.match("GET", "/v1.24/containers/abc/json");
  ASSERT_TRUE(with.has_value());
  EXPECT_EQ(with->version, (ApiVersion{1, 24}));
  EXPECT_EQ(with->variables.at("id"), "abc");
  const auto without = router_.match("GET", "/containers/abc/json");
  ASSERT_TRUE(without.has_value());
  EXPECT_EQ(without->version, kNewest);
}

TEST_F(RouterTest, takes_slashes_and_colons_in_image_names) {
  const auto push = router_.match("POST", "/v1.50/images/localhost:5000/a/b/push");
  ASSERT_TRUE(push.has_value());
  EXPECT_EQ(push->variables.at("name"), "localhost:5000/a/b");
  const auto remove = router_.match("DELETE", "/images/a/b@sha256:00");
  ASSERT_TRUE(remove.has_value());
  EXPECT_EQ(remove->variables.at("name"), "a/b@sha256:00");
}

TEST_F(RouterTest, prefers_the_earlier_route) {
  EXPECT_EQ(pattern_of("GET", "/images/json"), "/images/json");
  EXPECT_EQ(pattern_of("GET", "/images/json/json"), "/images/{name...}/json");
  EXPECT_EQ(pattern_of("GET", "/images/get"), "/images/get");
}

TEST_F(RouterTest, says_page_not_found_for_paths_and_methods_alike) {
  for (const auto& [method, path] : {std::pair{"GET", "/"},
                                     {"GET", "/nope"},
                                     {"PATCH", "/containers/json"},
                                     {"GET", "/v1.41"},
                                     {"GET", "/images//json"},
                                     {"GET", "/containers//json"},
                                     {"GET", "/v1.24/"},
                                     {"OPTIONS", "*"},
                                     {"GET", "/vx.1/containers/json"},
                                     {"DELETE", "/containers"}})
    EXPECT_EQ(pattern_of(method, path), "page not found") << method << " " << path;
}

TEST_F(RouterTest, refuses_versions_in_docker_words) {
  EXPECT_EQ(pattern_of("GET", "/v1.23/version"),
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade "
            "your client to a newer version");
  EXPECT_EQ(pattern_of("GET", "/v1.52/version"),
            "client version 1.52 is too new. Maximum supported API version is 1.51");
  EXPECT_EQ(pattern_of("GET", "/v1.51/version"), "/version");
  EXPECT_EQ(pattern_of("GET", "/v9/version"),
            "client version 9 is too new. Maximum supported API version is 1.51");
}

TEST_F(RouterTest, knows_every_route_that_docker_has) {
  constexpr auto kDocker = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"POST", "/containers/prune"},
       {"GET", "/containers/x/stats"},
       {"PUT", "/containers/x/archive"},
       {"GET", "/containers/x/attach/ws"},
       {"POST", "/build"},
       {"POST", "/commit"},
       {"GET", "/volumes"},
       {"DELETE", "/volumes/x"},
       {"POST", "/networks/x/connect"},
       {"GET", "/networks/"},
       {"GET", "/plugins"},
       {"POST", "/swarm/init"},
       {"GET", "/services/x/logs"},
       {"GET", "/distribution/a/b/json"},
       {"GET", "/system/df"},
       {"POST", "/session"},
       {"GET", "/images/a/b/history"},
       {"HEAD", "/_ping"}});
  for (const auto& [method, path] : kDocker)
    EXPECT_NE(pattern_of(method, path), "page not found") << method << " " << path;
}

TEST(ApiVersion, is_compared_by_number) {
  EXPECT_LT((ApiVersion{1, 9}), (ApiVersion{1, 24}));
  EXPECT_EQ(to_string(*negotiate("1.30")), "1.30");
}

}  // namespace
}  // namespace wherry::api
