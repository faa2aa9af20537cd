#include "runtime/systemd_unit.h"

#include <gtest/gtest.h>

#include <limits>

namespace wherry::runtime {
namespace {

using sys::DbusBytes;
using sys::DbusValue;
using namespace std::string_literals;

constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

TEST(UnitName, is_made_of_three_parts) {
  const auto unit = unit_name("machine.slice:libpod:abc", "id");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->slice, "machine.slice");
  EXPECT_EQ(unit->scope, "libpod-abc.scope");
  EXPECT_EQ(unit_name(":cri:abc", "id")->slice, "system.slice");
  EXPECT_EQ(unit_name("a.slice::abc", "id")->scope, "abc.scope");
  EXPECT_EQ(unit_name("", "one")->scope, "wherry-one.scope");
  EXPECT_EQ(unit_name("", "a+b")->scope, "wherry-a\\x2bb.scope");
}

TEST(UnitName, refuses_what_is_none) {
  for (const char* path : {"/a/b", "a:b", "a:b:c:d", "a.slice:b:", "../x.slice:a:b", "a.scope:b:c", "a slice:b:c"})
    EXPECT_FALSE(unit_name(path, "id")) << path;
  EXPECT_FALSE(unit_name("a.slice:b:" + std::string(300, 'c'), "id"));
}

UnitProperties limits(std::string controller, std::string file, std::string value) {
  auto properties = unit_limits({{std::move(controller), std::move(file), std::move(value)}});
  return properties ? std::move(*properties) : UnitProperties{{properties.error().message(), false}};
}

TEST(UnitLimits, each_file_has_its_property) {
  EXPECT_EQ(limits("memory", "memory.max", "5"), (UnitProperties{{"MemoryMax", std::uint64_t{5}}}));
  EXPECT_EQ(limits("memory", "memory.max", "max"), (UnitProperties{{"MemoryMax", kNone}}));
  EXPECT_EQ(limits("memory", "memory.limit_in_bytes", "-1"), (UnitProperties{{"MemoryLimit", kNone}}));
  EXPECT_EQ(limits("pids", "pids.max", "7"), (UnitProperties{{"TasksMax", std::uint64_t{7}}}));
  EXPECT_EQ(limits("io", "io.max", "8:0 rbps=1"), UnitProperties{});
  EXPECT_EQ(limits("memory", "memory.max", "much"), (UnitProperties{{"memory.max: \"much\" is not a number", false}}));
}

UnitProperties quota(std::uint64_t period, std::uint64_t per_second) {
  return {{"CPUQuotaPeriodUSec", period}, {"CPUQuotaPerSecUSec", per_second}};
}

TEST(UnitLimits, a_quota_is_a_second_s_share) {
  EXPECT_EQ(limits("cpu", "cpu.max", "50000 100000"), quota(100000, 500000));
  EXPECT_EQ(limits("cpu", "cpu.max", "max 20000"), quota(20000, kNone));
  EXPECT_EQ(limits("cpu", "cpu.max", "50000"), quota(100000, 500000));
  EXPECT_EQ(limits("cpu", "cpu.max", "1000 1000000"), quota(1000000, 10000));  // not less than systemd counts
  EXPECT_EQ(limits("cpu", "cpu.max", "33333 100000"), quota(100000, 340000));
  EXPECT_EQ(*unit_limits({{"cpu", "cpu.cfs_period_us", "50000"}, {"cpu", "cpu.cfs_quota_us", "25000"}}), quota(50000, 500000));
  EXPECT_EQ(*unit_limits({{"cpu", "cpu.cfs_quota_us", "-1"}}), quota(100000, kNone));
  EXPECT_FALSE(unit_limits({{"cpu", "cpu.max", "5 0"}}));
  EXPECT_FALSE(unit_limits({{"cpu", "cpu.max", "x 5"}}));
}

TEST(UnitLimits, cpus_are_a_mask) {
  EXPECT_EQ(limits("cpuset", "cpuset.cpus", "0"), (UnitProperties{{"AllowedCPUs", DbusBytes{"\1"}}}));
  EXPECT_EQ(limits("cpuset", "cpuset.cpus", "0-2,7"), (UnitProperties{{"AllowedCPUs", DbusBytes{"\x87"}}}));
  EXPECT_EQ(limits("cpuset", "cpuset.mems", "9"), (UnitProperties{{"AllowedMemoryNodes", DbusBytes{"\0\2"s}}}));
  for (const char* wrong : {"3-1", "x", "1,", "0-999999999999"})
    EXPECT_FALSE(unit_limits({{"cpuset", "cpuset.cpus", wrong}})) << wrong;
}

struct AnnotationCase {
  std::string name;
  std::string text;
  UnitProperty property;
};
class Annotations : public testing::TestWithParam<AnnotationCase> {};

TEST_P(Annotations, are_values) {
  const auto properties = annotated_properties({{"org.systemd.property." + GetParam().name, GetParam().text}, {"other", "'"}});
  ASSERT_TRUE(properties) << properties.error().message();
  EXPECT_EQ(*properties, UnitProperties{GetParam().property});
}

INSTANTIATE_TEST_SUITE_P(Forms, Annotations, testing::Values(
    AnnotationCase{"Flag", "true", {"Flag", true}},
    AnnotationCase{"Flag", " false ", {"Flag", false}},
    AnnotationCase{"Number", "5", {"Number", std::int32_t{5}}},
    AnnotationCase{"Number", "int32 -5", {"Number", std::int32_t{-5}}},
    AnnotationCase{"Number", "uint32 5", {"Number", std::uint32_t{5}}},
    AnnotationCase{"Number", "int64 -5", {"Number", std::int64_t{-5}}},
    AnnotationCase{"Number", "uint64 18446744073709551615", {"Number", kNone}},
    AnnotationCase{"Text", "'it\\'s'", {"Text", "it's"s}},
    AnnotationCase{"Text", "\"a, b\"", {"Text", "a, b"s}},
    AnnotationCase{"List", "['a', \"b\"]", {"List", std::vector<std::string>{"a", "b"}}},
    AnnotationCase{"List", "@as []", {"List", std::vector<std::string>{}}},
    AnnotationCase{"TimeoutStopSec", "uint64 7", {"TimeoutStopUSec", std::uint64_t{7000000}}},
    AnnotationCase{"TimeoutStopUSec", "uint64 7", {"TimeoutStopUSec", std::uint64_t{7}}}));

TEST(Annotations, that_are_none) {
  for (const char* text : {"", "tru", "'a", "'a\\", "[", "['a'", "['a',]", "[1]", "5 5", "uint32 -1", "99999999999", "@as", "true false"})
    EXPECT_FALSE(annotated_properties({{"org.systemd.property.Name", text}})) << text;
  for (const char* name : {"", "lower", "With-Dash"})
    EXPECT_FALSE(annotated_properties({{"org.systemd.property."s + name, "true"}})) << name;
  EXPECT_FALSE(annotated_properties({{"org.systemd.property.StopSec", "'text'"}}));
  EXPECT_FALSE(annotated_properties({{"org.systemd.property.StopSec", "uint64 18446744073709551615"}}));
}

}  // namespace
}  // namespace wherry::runtime
