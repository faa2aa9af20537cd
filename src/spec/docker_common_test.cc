#include <gtest/gtest.h>

#include "spec/docker_container.h"
#include "spec/docker_event.h"
#include "spec/docker_exec.h"
#include "spec/docker_image.h"
#include "spec/docker_system.h"
#include "spec/json.h"

namespace wherry::spec::docker {
namespace {

TEST(DockerCommand, takes_a_string_for_a_list) {
  const auto config = json::parse<ContainerConfig>(R"({"Cmd":"ls","Entrypoint":["a","b"]})");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->cmd.list(), (std::vector<std::string>{"ls"}));
  EXPECT_EQ(config->entrypoint.list(), (std::vector<std::string>{"a", "b"}));
}

TEST(DockerCommand, keeps_null_and_empty_apart) {
  const auto config = json::parse<ContainerConfig>(R"({"Cmd":null,"Entrypoint":[]})");
  ASSERT_TRUE(config.has_value());
  EXPECT_FALSE(config->cmd.has_value());
  EXPECT_TRUE(config->entrypoint.has_value());
  EXPECT_FALSE(json::parse<ContainerConfig>(R"({"Cmd":7})").has_value());
}

TEST(DockerContainerConfig, is_written_as_dockerd_28_writes_an_empty_one) {
  EXPECT_EQ(json::write(ContainerConfig{}),
            R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,)"
            R"("AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,)"
            R"("Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,)"
            R"("OnBuild":null,"Labels":null})");
}

// The body that docker 28.2.2 sent for `docker run --rm alpine echo hi` (recorded); what is
// read and written again must be the same bytes.
constexpr std::string_view kRecordedCreate =
    R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,)"
    R"("AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,)"
    R"("Cmd":["echo","hi"],"Image":"alpine","Volumes":{},"WorkingDir":"","Entrypoint":null,)"
    R"("OnBuild":null,"Labels":{},"HostConfig":{"Binds":null,"ContainerIDFile":"",)"
    R"("LogConfig":{"Type":"","Config":{}},"NetworkMode":"default","PortBindings":{},)"
    R"("RestartPolicy":{"Name":"no","MaximumRetryCount":0},"AutoRemove":true,"VolumeDriver":"",)"
    R"("VolumesFrom":null,"ConsoleSize":[0,0],"CapAdd":null,"CapDrop":null,"CgroupnsMode":"",)"
    R"("Dns":[],"DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"",)"
    R"("Cgroup":"","Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,)"
    R"("PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"",)"
    R"("UsernsMode":"","ShmSize":0,"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,)"
    R"("CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":[],)"
    R"("BlkioDeviceWriteBps":[],"BlkioDeviceReadIOps":[],"BlkioDeviceWriteIOps":[],)"
    R"("CpuPeriod":0,"CpuQuota":0,"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,)"
    R"("CpusetCpus":"","CpusetMems":"","Devices":[],"DeviceCgroupRules":null,)"
    R"("DeviceRequests":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,)"
    R"("OomKillDisable":false,"PidsLimit":0,"Ulimits":[],"CpuCount":0,"CpuPercent":0,)"
    R"("IOMaximumIOps":0,"IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},)"
    R"("NetworkingConfig":{"EndpointsConfig":{"default":{"IPAMConfig":null,"Links":null,)"
    R"("Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"",)"
    R"("EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"",)"
    R"("GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}}})";

TEST(DockerCreateRequest, survives_a_round_trip_byte_for_byte) {
  const auto request = json::parse<ContainerCreateRequest>(kRecordedCreate);
  ASSERT_TRUE(request.has_value()) << request.error().message();
  EXPECT_TRUE(request->host_config->auto_remove);
  EXPECT_EQ(json::write(*request), kRecordedCreate);
}

TEST(DockerMount, drops_zero_values) {
  Mount mount;
  mount.type = "tmpfs";
  mount.target = "/t";
  mount.tmpfs_options = TmpfsOptions{.size_bytes = 4096, .mode = 0, .options = {}};
  EXPECT_EQ(json::write(mount),
            R"({"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":4096}})");
}

TEST(DockerWait, writes_the_error_before_the_status_and_only_if_there_is_one) {
  EXPECT_EQ(json::write(ContainerWaitResponse{{}, 3}), R"({"StatusCode":3})");
  EXPECT_EQ(json::write(ContainerWaitResponse{ContainerWaitError{"x"}, 1}),
            R"({"Error":{"Message":"x"},"StatusCode":1})");
}

TEST(DockerEvent, has_the_old_members_first) {
  EventMessage event{.status = "start", .id = "i", .from = "busybox", .type = "container",
                     .action = "start", .actor = {"i", {{"image", "busybox"}}}, .scope = "local",
                     .time = 1, .time_nano = 2};
  EXPECT_EQ(json::write(event),
            R"({"status":"start","id":"i","from":"busybox","Type":"container","Action":"start",)"
            R"("Actor":{"ID":"i","Attributes":{"image":"busybox"}},"scope":"local","time":1,)"
            R"("timeNano":2})");
}

TEST(DockerExec, writes_process_config_in_lower_case) {
  ExecInspect exec;
  exec.process_config.entrypoint = "true";
  EXPECT_EQ(json::write(exec),
            R"({"ID":"","Running":false,"ExitCode":null,"ProcessConfig":{"tty":false,)"
            R"("entrypoint":"true","arguments":[]},"OpenStdin":false,"OpenStderr":false,)"
            R"("OpenStdout":false,"CanRemove":false,"ContainerID":"","DetachKeys":"","Pid":0})");
}

TEST(DockerSummary, omits_sizes_that_were_not_asked_for) {
  const std::string text = json::write(ContainerSummary{});
  EXPECT_EQ(text.find("SizeRw"), std::string::npos);
  EXPECT_NE(text.find(R"("Ports":[],"Labels":{})"), std::string::npos);
  EXPECT_NE(text.find(R"("HostConfig":{},"NetworkSettings":{"Networks":{}},"Mounts":[]})"),
            std::string::npos);
}

TEST(DockerImage, lists_are_never_null_in_inspect) {
  const std::string text = json::write(ImageInspect{});
  EXPECT_NE(text.find(R"("RepoTags":[],"RepoDigests":[])"), std::string::npos);
  EXPECT_NE(text.find(R"("Metadata":{"LastTagTime":"0001-01-01T00:00:00Z"})"), std::string::npos);
}

TEST(DockerSystem, names_the_fields_that_clients_read) {
  const std::string info = json::write(Info{});
  for (const char* name : {"\"NCPU\":", "\"OSType\":\"linux\"", "\"LocalNodeState\":\"inactive\"",
                           "\"CPUShares\":", "\"CpuCfsQuota\":", "\"MemTotal\":", "\"HttpProxy\":"})
    EXPECT_NE(info.find(name), std::string::npos) << name;
  EXPECT_EQ(json::write(AuthResponse{"", "Login Succeeded"}),
            R"({"IdentityToken":"","Status":"Login Succeeded"})");
}

}  // namespace
}  // namespace wherry::spec::docker
