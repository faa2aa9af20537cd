#include "registry/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "registry/client.h"
#include "registry/endpoint.h"

namespace wherry::registry {
namespace {

TEST(Insecure, is_loopback_always) {
  const Settings settings;
  for (const char* domain : {"localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"})
    EXPECT_TRUE(is_insecure(settings, domain)) << domain;
  EXPECT_FALSE(is_insecure(settings, "docker.io"));
  EXPECT_FALSE(is_insecure(settings, "10.1.2.3:5000"));
}

TEST(Insecure, is_what_is_listed_by_name_port_or_network) {
  const Settings settings{
      .insecure_registries = {"my.host:5000", "other", "10.0.0.0/8", "fd00::/8"}};
  EXPECT_TRUE(is_insecure(settings, "my.host:5000"));
  EXPECT_FALSE(is_insecure(settings, "my.host:5001"));
  EXPECT_TRUE(is_insecure(settings, "other:1234"));
  EXPECT_TRUE(is_insecure(settings, "10.200.0.1:80"));
  EXPECT_FALSE(is_insecure(settings, "11.0.0.1"));
  EXPECT_TRUE(is_insecure(settings, "[fd12::1]:5000"));
  EXPECT_FALSE(is_insecure(settings, "evil.10.0.0.1"));
}

TEST(Settings, refuse_wrong_mirrors_and_registries) {
  EXPECT_TRUE(check({.mirrors = {"http://127.0.0.1:5000", "https://m/path/"}}));
  for (const char* mirror : {"m", "ftp://m", "https://u:p@m", "https://m/?q", "https://m/#f"})
    EXPECT_FALSE(check({.mirrors = {mirror}})) << mirror;
  EXPECT_FALSE(check({.insecure_registries = {"http://x"}}));
}

std::vector<std::string> bases(const Settings& settings, std::string_view domain, Action action) {
  std::vector<std::string> urls;
  const auto endpoints = endpoints_for(settings, domain, action);
  for (const Endpoint& endpoint : *endpoints)
    urls.push_back(endpoint.base.scheme + "://" + endpoint.base.authority() + endpoint.base.path);
  return urls;
}

TEST(Endpoints, of_the_hub_have_its_mirrors_first_for_a_pull_only) {
  const Settings settings{.mirrors = {"http://127.0.0.1:5000/", "https://m.io/cache"}};
  using List = std::vector<std::string>;
  EXPECT_EQ(bases(settings, "docker.io", Action::Pull),
            (List{"http://127.0.0.1:5000", "https://m.io/cache", "https://registry-1.docker.io"}));
  EXPECT_EQ(bases(settings, "docker.io", Action::Push), List{"https://registry-1.docker.io"});
  EXPECT_EQ(bases(settings, "quay.io", Action::Pull), List{"https://quay.io"});
  EXPECT_EQ(bases(settings, "localhost:5000", Action::Pull),
            (List{"https://localhost:5000", "http://localhost:5000"}));
}

class Certificates : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/wherry-certs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    std::filesystem::create_directories(root_ + "/host:5000");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/host:5000/" + name) << text;
  }
  std::string root_;
};

TEST_F(Certificates, are_read_from_the_hosts_directory) {
  write("a.crt", "A");
  write("b.crt", "B");
  write("me.cert", "");
  write("me.key", "");
  const auto tls = tls_for({.certificate_directories = {"/nowhere", root_}}, "host:5000");
  ASSERT_TRUE(tls) << tls.error().message();
  EXPECT_EQ(tls->ca_pem, "A\nB\n");
  EXPECT_TRUE(tls->certificate_file.ends_with("/me.cert"));
  EXPECT_TRUE(tls->key_file.ends_with("/me.key"));
}

TEST_F(Certificates, without_their_key_are_an_error) {
  write("me.cert", "");
  const auto tls = tls_for({.certificate_directories = {root_}}, "host:5000");
  ASSERT_FALSE(tls);
  EXPECT_TRUE(tls.error().message().starts_with("missing key me.key for client certificate me.cert"));
}

TEST_F(Certificates, of_another_host_do_not_count) {
  write("a.crt", "A");
  EXPECT_EQ(tls_for({.certificate_directories = {root_}}, "host")->ca_pem, "");
}

}  // namespace
}  // namespace wherry::registry
