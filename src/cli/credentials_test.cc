#include "cli/credentials.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "client/engine.h"
#include "sys/fd.h"
#include "sys/path.h"

namespace wherry::cli {
namespace {

class Login : public testing::Test {
 protected:
  Login() {
    char name[] = "/tmp/wherry-login-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~Login() override {
    static_cast<void>(sys::remove_tree_at(*sys::open_at({}, "/tmp", O_RDONLY | O_DIRECTORY),
                                          directory_.substr(5)));
  }
  ConfigFile config() { return std::move(*ConfigFile::load(directory_)); }
  void write(const char* text) { std::ofstream(directory_ + "/config.json") << text; }
  std::string read() { return *sys::read_file((directory_ + "/config.json").c_str()); }

  std::string directory_;
};

TEST(Base64, is_the_standards) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe"), "//4=");
  EXPECT_EQ(base64("\xff\xfe", "-_"), "__4=");
}

TEST(Base64, comes_back) {
  for (const std::string text : {"", "a", "ab", "abc", "user:pa:ss\xff"}) {
    EXPECT_EQ(from_base64(base64(text)), text);
    EXPECT_EQ(from_base64(base64(text, "-_")), text);
  }
  EXPECT_FALSE(from_base64("a b"));
}

TEST(AuthHeader, without_a_login_is_an_empty_object) {
  EXPECT_EQ(auth_header({.server = "h"}), "e30=");
}

TEST(AuthHeader, holds_the_login) {
  EXPECT_EQ(*from_base64(auth_header({.username = "u", .password = "p", .server = "h:1"})),
            R"({"username":"u","password":"p","serveraddress":"h:1"})");
}

TEST(RegistryKey, the_hub_has_its_url) {
  EXPECT_EQ(registry_key("docker.io"), kHubKey);
  EXPECT_EQ(registry_key("localhost:5000"), "localhost:5000");
}

TEST_F(Login, is_read_as_docker_wrote_it) {
  write(R"({"auths":{"h:1":{"auth":"dTpwOnE="},"https://old.example/v1/":{"auth":"YTpi"}}})");
  const auto login = load_credentials(config(), "h:1");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->username, "u");
  EXPECT_EQ(login->password, "p:q");
  EXPECT_EQ(load_credentials(config(), "old.example")->username, "a");
  EXPECT_EQ(load_credentials(config(), "other")->username, "");
}

TEST_F(Login, is_stored_beside_keys_that_we_do_not_know) {
  write(R"({"psFormat":"x","unknown":{"deep":[1]},"auths":{"a":{"auth":"x"}}})");
  ConfigFile file = config();
  ASSERT_TRUE(*save_credentials(file, {.username = "u", .password = "p", .server = "h"}));
  const auto saved = client::parse_json(read());
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->at_pointer("/unknown/deep/0"), 1);
  EXPECT_EQ(saved->at_pointer("/auths/h/auth"), "dTpw");
  EXPECT_EQ(saved->at_pointer("/auths/a/auth"), "x");
}

TEST_F(Login, is_readable_by_its_owner_only) {
  ConfigFile file = config();
  ASSERT_TRUE(save_credentials(file, {.username = "u", .password = "p", .server = "h"}));
  struct stat status{};
  ASSERT_EQ(::stat((directory_ + "/config.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(Login, is_taken_away_again) {
  ConfigFile file = config();
  ASSERT_TRUE(save_credentials(file, {.username = "u", .password = "p", .server = "h"}));
  ASSERT_TRUE(erase_credentials(file, "h"));
  EXPECT_EQ(load_credentials(config(), "h")->username, "");
  EXPECT_TRUE(erase_credentials(file, "never-there"));
}

TEST_F(Login, a_file_that_is_no_json_is_an_error) {
  write("{broken");
  EXPECT_FALSE(ConfigFile::load(directory_));
}

// A helper of our own on the PATH, as docker-credential-* programs are.
class Helper : public Login {
 protected:
  Helper() : path_(std::getenv("PATH")) {
    const std::string program = directory_ + "/docker-credential-test";
    std::ofstream(program)
        << "#!/bin/sh\nread -r input\necho \"$1 $input\" >> " << directory_
        << "/calls\n"
           "case \"$1 $input\" in\n'get known') echo '{\"Username\":\"u\",\"Secret\":\"s\"}';;\n"
           "'get token') echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}';;\n"
           "get*) echo 'credentials not found in native keychain'; exit 1;;\nesac\n";
    ::chmod(program.c_str(), 0755);
    ::setenv("PATH", (directory_ + ":" + path_).c_str(), 1);
    write(R"({"credsStore":"test"})");
  }
  ~Helper() override { ::setenv("PATH", path_.c_str(), 1); }
  std::string calls() { return *sys::read_file((directory_ + "/calls").c_str()); }

  std::string path_;
};

TEST_F(Helper, is_asked) {
  EXPECT_EQ(load_credentials(config(), "known")->password, "s");
  EXPECT_EQ(load_credentials(config(), "token")->identity_token, "t");
  EXPECT_EQ(load_credentials(config(), "other")->username, "");
}

TEST_F(Helper, keeps_the_password_out_of_the_file) {
  ConfigFile file = config();
  EXPECT_FALSE(*save_credentials(file, {.username = "u", .password = "geheim", .server = "h"}));
  EXPECT_EQ(read().find("geheim"), std::string::npos);
  EXPECT_NE(calls().find(R"(store {"ServerURL":"h","Username":"u","Secret":"geheim"})"),
            std::string::npos);
}

TEST_F(Helper, one_that_is_missing_is_an_error) {
  write(R"({"credHelpers":{"h":"no-such-helper"}})");
  EXPECT_FALSE(load_credentials(config(), "h"));
}

TEST_F(Helper, a_name_with_a_slash_is_refused) {
  write(R"({"credsStore":"../../tmp/x"})");
  EXPECT_FALSE(load_credentials(config(), "h"));
}

}  // namespace
}  // namespace wherry::cli
