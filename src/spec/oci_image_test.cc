#include "spec/oci_image_json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "spec/progress.h"

namespace wherry::spec {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

std::string descriptor(std::string_view type, std::string_view digest = kDigest,
                       std::int64_t size = 7) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, digest, size);
}

std::string manifest_with(std::string_view config, std::string_view layers) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
                     media_type::kOciManifest, config, layers);
}

std::string good_manifest() {
  return manifest_with(descriptor(media_type::kOciConfig),
                       descriptor(media_type::kOciLayerZstd));
}

std::string message_of(std::string_view bytes, std::string_view content_type = "") {
  const auto parsed = parse_manifest(bytes, content_type);
  return parsed ? "" : parsed.error().message();
}

TEST(Manifest, gives_config_and_layers) {
  const auto parsed = parse_manifest(good_manifest(), media_type::kOciManifest);
  ASSERT_TRUE(parsed) << parsed.error().message();
  const auto& manifest = std::get<Manifest>(*parsed);
  EXPECT_EQ(manifest.config.digest.str(), kDigest);
  ASSERT_EQ(manifest.layers.size(), 1U);
  EXPECT_EQ(manifest.layers[0].size, 7U);
  EXPECT_EQ(manifest.layers[0].media_type, media_type::kOciLayerZstd);
}

TEST(Manifest, takes_its_type_from_the_header_if_the_document_has_none) {
  const std::string bytes = fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[]}})",
                                        descriptor(media_type::kDockerConfig));
  const auto parsed = parse_manifest(bytes, media_type::kDockerManifest);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(std::get<Manifest>(*parsed).media_type, media_type::kDockerManifest);
}

TEST(Manifest, with_both_manifests_and_layers_is_ambiguous) {
  const std::string bytes =
      fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}})",
                  descriptor(media_type::kOciConfig));
  EXPECT_EQ(message_of(bytes), "ambiguous manifest: both \"manifests\" and \"layers\"");
}

TEST(Manifest, whose_type_contradicts_the_header_is_ambiguous) {
  EXPECT_TRUE(message_of(good_manifest(), media_type::kOciIndex).starts_with("ambiguous manifest"));
}

TEST(Manifest, of_schema_1_has_a_clear_error) {
  const auto parsed =
      parse_manifest(R"({"schemaVersion":1,"name":"x","tag":"y","fsLayers":[{"blobSum":"z"}]})", "");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind(), ErrorKind::NotImplemented);
  EXPECT_NE(parsed.error().message().find("schema 1"), std::string::npos);
  EXPECT_NE(message_of("{}", media_type::kDockerSchema1Signed).find("schema 1"), std::string::npos);
}

TEST(Manifest, of_an_artifact_is_refused_naming_its_type) {
  const std::string bytes =
      manifest_with(descriptor("application/vnd.cncf.helm.config.v1+json"), "");
  EXPECT_NE(message_of(bytes).find("application/vnd.cncf.helm.config.v1+json"), std::string::npos);
}

class HostileManifest : public testing::TestWithParam<std::string> {};

TEST_P(HostileManifest, is_an_invalid_argument) {
  const auto parsed = parse_manifest(GetParam(), "");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind(), ErrorKind::InvalidArgument) << parsed.error().message();
}

const std::string kConfig = descriptor(media_type::kOciConfig);

INSTANTIATE_TEST_SUITE_P(
    Table, HostileManifest,
    testing::Values(
        "", "[]", "null", "{}", "{\"layers\":[]}", std::string(5U << 20, ' '),
        std::string(100'000, '['),
        manifest_with(kConfig, descriptor(media_type::kOciLayer, "sha256:../../etc/passwd")),
        manifest_with(kConfig, descriptor(media_type::kOciLayer, "sha1:" + std::string(40, 'a'))),
        manifest_with(kConfig,
                      descriptor(media_type::kOciLayer, "sha256:" + std::string(64, 'A'))),
        manifest_with(kConfig, descriptor(media_type::kOciLayer, kDigest, -1)),
        manifest_with(descriptor(media_type::kOciConfig, kDigest, 1 << 30), ""),
        manifest_with(kConfig, "7"), R"({"schemaVersion":2,"mediaType":"text/html"})",
        R"({"schemaVersion":2,"manifests":[{"digest":"x"}]})"));

TEST(Manifest, has_at_most_500_layers) {
  std::string layers = descriptor(media_type::kOciLayer);
  for (int i = 0; i < 500; ++i) layers += "," + descriptor(media_type::kOciLayer);
  EXPECT_EQ(message_of(manifest_with(kConfig, layers)), "manifest has 501 layers, the limit is 500");
}

Index index_of(std::initializer_list<std::string_view> platforms) {
  Index index;
  char fill = '0';
  for (const std::string_view text : platforms) {
    Index::Entry entry;
    entry.blob.digest = *Digest::parse("sha256:" + std::string(64, fill++));
    if (text == "unknown/unknown") entry.platform = Platform{.architecture = "unknown", .os = "unknown"};
    else entry.platform = *parse_platform(text);
    index.entries.push_back(entry);
  }
  return index;
}

std::string chosen(const Index& index, std::string_view wanted) {
  const auto entry = choose_platform(index, *parse_platform(wanted));
  return entry ? format_platform(*entry->platform) : entry.error().message();
}

TEST(Platform, is_chosen_exactly_where_it_is_there) {
  const Index index = index_of({"linux/arm64", "linux/amd64", "linux/arm/v7", "unknown/unknown"});
  EXPECT_EQ(chosen(index, "linux/amd64"), "linux/amd64");
  EXPECT_EQ(chosen(index, "linux/aarch64"), "linux/arm64");
  EXPECT_EQ(chosen(index, "linux/arm64/v8"), "linux/arm64");
}

TEST(Platform, of_arm_falls_back_to_the_highest_lower_variant) {
  const Index index = index_of({"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"});
  EXPECT_EQ(chosen(index, "linux/arm/v8"), "linux/arm/v7");
  EXPECT_EQ(chosen(index, "linux/arm/v6"), "linux/arm/v6");
  EXPECT_EQ(chosen(index_of({"linux/arm/v7"}), "linux/arm/v6"),
            "no matching manifest for linux/arm/v6 in the manifest list entries");
}

TEST(Platform, that_is_not_there_is_named_as_docker_does) {
  EXPECT_EQ(chosen(index_of({"linux/amd64", "unknown/unknown"}), "linux/arm64"),
            "no matching manifest for linux/arm64 in the manifest list entries");
  EXPECT_EQ(chosen(index_of({"windows/amd64"}), "linux/amd64"),
            "no matching manifest for linux/amd64 in the manifest list entries");
}

TEST(Platform, of_an_index_with_one_unnamed_entry_is_that_entry) {
  Index index;
  index.entries.push_back({});
  EXPECT_TRUE(choose_platform(index, host_platform()));
}

TEST(Platform, text_is_normalised) {
  EXPECT_EQ(format_platform(*parse_platform("linux/x86_64")), "linux/amd64");
  EXPECT_EQ(format_platform(*parse_platform("Linux/ARM64/v8")), "linux/arm64");
  EXPECT_EQ(format_platform(*parse_platform("linux/arm")), "linux/arm/v7");
  EXPECT_EQ(format_platform(*parse_platform("arm64")), "linux/arm64");
  EXPECT_EQ(parse_platform("linux")->os, "linux");
  for (const char* bad : {"", "/", "a/b/c/d", "linux/", "lin ux/amd64"})
    EXPECT_FALSE(parse_platform(bad)) << bad;
}

TEST(LayerType, tells_the_compression_and_refuses_the_rest) {
  EXPECT_EQ(*layer_compression(media_type::kDockerLayerGzip), Compression::Gzip);
  EXPECT_EQ(*layer_compression(media_type::kOciLayerZstd), Compression::Zstd);
  EXPECT_EQ(*layer_compression(media_type::kOciLayer), Compression::None);
  EXPECT_FALSE(layer_compression("application/vnd.in-toto+json"));
  EXPECT_FALSE(layer_compression("application/vnd.docker.image.rootfs.diff.tar.gzip2"));
}

TEST(ImageConfig, gives_dockers_fields) {
  const auto config = parse_image_config(R"({"architecture":"amd64","os":"linux","created":
      "2024-01-01T00:00:00Z","author":"me","config":{"Cmd":["sh"],"Entrypoint":null,"Env":["A=b"],
      "ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}},"Labels":{"k":"v"},"StopTimeout":3,
      "Healthcheck":{"Test":["CMD","x"],"Interval":1000}},
      "rootfs":{"type":"layers","diff_ids":[")" + kDigest + R"("]},
      "history":[{"created_by":"x","empty_layer":true}]})");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->config.cmd, std::vector<std::string>{"sh"});
  EXPECT_FALSE(config->config.entrypoint);
  EXPECT_TRUE(config->config.exposed_ports->contains("80/tcp"));
  EXPECT_EQ(config->config.stop_timeout, 3);
  EXPECT_EQ(config->config.healthcheck->interval_ns, 1000);
  EXPECT_EQ(diff_ids_of(*config).size(), 1U);
  EXPECT_TRUE(config->history.at(0).empty_layer);
}

TEST(ImageConfig, that_is_hostile_is_refused) {
  EXPECT_FALSE(parse_image_config("{}"));
  EXPECT_FALSE(parse_image_config(R"({"os":"linux","rootfs":{"type":"base"}})"));
  EXPECT_FALSE(parse_image_config(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":["../x"]}})"));
  EXPECT_FALSE(parse_image_config(R"({"os":"windows","rootfs":{"type":"layers","diff_ids":[]}})"));
  EXPECT_FALSE(parse_image_config(std::string(5U << 20, ' ')));
}

TEST(Progress, is_written_as_docker_writes_it) {
  ProgressMessage message{.status = "Downloading", .detail = ProgressDetail{5, 10}, .id = "abc"};
  EXPECT_EQ(json::write(message),
            R"({"status":"Downloading","progressDetail":{"current":5,"total":10},"id":"abc"})");
  message = {.status = "Pulling fs layer", .detail = ProgressDetail{}, .id = "abc"};
  EXPECT_EQ(json::write(message), R"({"status":"Pulling fs layer","progressDetail":{},"id":"abc"})");
  message = {.detail = ProgressDetail{}, .aux = PushResult{"latest", kDigest, 9}};
  EXPECT_EQ(json::write(message), R"({"progressDetail":{},"aux":{"Tag":"latest","Digest":")" +
                                      kDigest + R"(","Size":9}})");
}

}  // namespace
}  // namespace wherry::spec
