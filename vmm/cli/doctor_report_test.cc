// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/doctor_report.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HostReport GoodHost() {
  HostReport report;
  report.kernel_version = "6.12.95";
  report.cpu_vendor = "AuthenticAMD";
  report.cpu_model = "AMD EPYC";
  report.device_nodes = {{"/dev/kvm", true, true, ""}, {"/dev/sev", false, false, "missing"}};
  report.kvm = KvmFacts{12, {{"KVM_CAP_USER_MEMORY2", 1}, {"KVM_CAP_GUEST_MEMFD", 0}}};
  report.guest_speed = GuestSpeed{1.5e6, false};
  report.private_memory = {{"guest_memfd", true, false, "failed at HLT"},
                           {"seal", true, true, "a micro guest ran"}};
  report.facilities = {{HostFacility::kIoUring, true, "works", 0},
                       {HostFacility::kVirtiofsd, false, "not found in PATH", ENOENT}};
  report.modes = {{IsolationMode::kNone, true, Obstacle::kNone, "KVM works"},
                  {IsolationMode::kTdx, false, Obstacle::kCpuFeature, "no TDX in CPUID"}};
  report.modes.back().prerequisites = {
      {.name = "Linux 6.16 or newer", .met = Met::kYes, .found = "7.0.1", .advice = ""},
      {.name = "KVM_CAP_VM_TYPES bit 5 (TDX)",
       .met = Met::kNo,
       .found = "not there",
       .advice = "read dmesg",
       .obstacle = Obstacle::kFirmwareDisabled}};
  report.auto_choice = IsolationMode::kNone;
  return report;
}

HostReport HostWithoutKvm() {
  HostReport report;
  report.kvm_problem = "open(/dev/kvm): missing";
  report.guest_speed_problem = "no KVM";
  report.modes = {{IsolationMode::kNone, false, Obstacle::kNoKvmDevice, "no /dev/kvm"}};
  return report;
}

TEST(DoctorTextTest, SaysWhatWorksAndWhatToChange) {
  const std::string text = DoctorText(GoodHost());
  EXPECT_THAT(text, HasSubstr("none    yes  KVM works"));
  EXPECT_THAT(text, HasSubstr("tdx     no   no TDX in CPUID"));
  EXPECT_THAT(text, HasSubstr("-> needs an Intel Xeon"));
  EXPECT_THAT(text, HasSubstr("--isolation auto takes none"));
  EXPECT_THAT(text, HasSubstr("1 of 2 capabilities"));
  EXPECT_THAT(text, HasSubstr("1.5 million instructions/s in kernel mode: emulated"));
}

TEST(DoctorTextTest, ListsWhatAModeNeeds) {
  const std::string text = DoctorText(GoodHost());
  EXPECT_THAT(text, HasSubstr("               yes      Linux 6.16 or newer: 7.0.1\n"
                              "               no       KVM_CAP_VM_TYPES bit 5 (TDX): not there\n"
                              "                        -> read dmesg\n"));
}

TEST(DoctorJsonTest, ListsWhatAModeNeeds) {
  const std::string json = DoctorJson(GoodHost());
  EXPECT_THAT(json, HasSubstr("\"name\": \"KVM_CAP_VM_TYPES bit 5 (TDX)\""));
  EXPECT_THAT(json, HasSubstr("\"met\": \"no\""));
  EXPECT_THAT(json, HasSubstr("\"found\": \"not there\""));
  EXPECT_THAT(json, HasSubstr("\"advice\": \"read dmesg\""));
  EXPECT_THAT(json, HasSubstr("\"prerequisites\": []"));
}

TEST(DoctorTextTest, TellsWhichPrivateMemoryWorks) {
  const std::string text = DoctorText(GoodHost());
  EXPECT_THAT(text, HasSubstr("guest_memfd   no   failed at HLT"));
  EXPECT_THAT(text, HasSubstr("seal          yes  a micro guest ran"));
  EXPECT_THAT(DoctorText(HostWithoutKvm()), Not(HasSubstr("Private memory")));
}

TEST(DoctorTextTest, TellsWhatDevicesHave) {
  const std::string text = DoctorText(GoodHost());
  EXPECT_THAT(text, HasSubstr("io_uring   yes  works\n  virtiofsd  no   not found in PATH\n"));
  EXPECT_THAT(text, HasSubstr("-> install the package virtiofsd"));
}

TEST(DoctorJsonTest, DeviceSupportIsKeyedByItsName) {
  const std::string json = DoctorJson(GoodHost());
  EXPECT_THAT(json, HasSubstr("\"device_support\": {\n    \"io_uring\": {\n"
                              "      \"usable\": true,\n      \"detail\": \"works\",\n"
                              "      \"advice\": \"\"\n    },"));
  EXPECT_THAT(json, HasSubstr("\"advice\": \"install the package virtiofsd"));
}

TEST(DoctorJsonTest, PrivateMemoryIsKeyedByItsProvider) {
  const std::string json = DoctorJson(GoodHost());
  EXPECT_THAT(json, HasSubstr("\"private_memory\": {"));
  EXPECT_THAT(json, HasSubstr("\"reason\": \"failed at HLT\""));
  EXPECT_THAT(json, HasSubstr("\"works\": true"));
  EXPECT_THAT(json, HasSubstr("\"present\": true"));
}

TEST(DoctorTextTest, HostWithoutKvmIsDescribed) {
  const std::string text = DoctorText(HostWithoutKvm());
  EXPECT_THAT(text, HasSubstr("not usable: open(/dev/kvm): missing"));
  EXPECT_THAT(text, HasSubstr("not measured: no KVM"));
  EXPECT_THAT(text, HasSubstr("--isolation auto finds no mode"));
  EXPECT_THAT(text, Not(HasSubstr("KVM capabilities:")));
}

TEST(DoctorJsonTest, HoldsTheSameFacts) {
  const std::string json = DoctorJson(GoodHost());
  for (const char* part :
       {"\"api_version\": 12", "\"KVM_CAP_GUEST_MEMFD\": 0", "\"hardware_speed\": false",
        "\"kernel_mode_instructions_per_second\": 1500000", "\"obstacle\": \"cpu-feature\"",
        "\"auto_choice\": \"none\"", "\"problem\": \"missing\""}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(DoctorJsonTest, AbsentFactsAreNull) {
  const std::string json = DoctorJson(HostWithoutKvm());
  EXPECT_THAT(json, HasSubstr("\"guest_speed\": null"));
  EXPECT_THAT(json, HasSubstr("\"auto_choice\": null"));
  EXPECT_THAT(json, HasSubstr("\"usable\": false"));
}

}  // namespace
}  // namespace sealvm
