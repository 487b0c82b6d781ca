// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/host_advice.h"

#include <errno.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

constexpr Obstacle kObstacles[] = {Obstacle::kNoKvmDevice,  Obstacle::kNoKvmPermission,
                                   Obstacle::kKvmBroken,    Obstacle::kKernelTooOld,
                                   Obstacle::kKernelOption, Obstacle::kNoMemoryProvider,
                                   Obstacle::kCpuFeature,   Obstacle::kFirmwareDisabled,
                                   Obstacle::kNoDeviceNode, Obstacle::kNoDevicePermission};

constexpr IsolationMode kModes[] = {IsolationMode::kNone, IsolationMode::kSealed,
                                    IsolationMode::kSev,  IsolationMode::kSevEs,
                                    IsolationMode::kSnp,  IsolationMode::kTdx};

TEST(HostAdviceTest, EveryObstacleHasAdviceInEveryMode) {
  for (Obstacle obstacle : kObstacles) {
    for (IsolationMode mode : kModes) {
      const std::string advice = AdviceFor({mode, false, obstacle, "reason"});
      EXPECT_FALSE(advice.empty()) << ObstacleName(obstacle);
      EXPECT_EQ(advice.find('\n'), advice.npos) << ObstacleName(obstacle);
    }
  }
}

TEST(HostAdviceTest, AvailableModeNeedsNone) {
  EXPECT_EQ(AdviceFor({IsolationMode::kNone, true, Obstacle::kNone, "works"}), "");
}

TEST(HostAdviceTest, AdviceKnowsTheMode) {
  EXPECT_NE(AdviceFor({IsolationMode::kTdx, false, Obstacle::kCpuFeature, ""}).find("Intel"),
            std::string::npos);
  EXPECT_NE(AdviceFor({IsolationMode::kSnp, false, Obstacle::kCpuFeature, ""}).find("AMD"),
            std::string::npos);
}

TEST(HostAdviceTest, MissingPrerequisiteKnowsBest) {
  ModeReport mode = {IsolationMode::kSnp, false, Obstacle::kFirmwareDisabled, "reason"};
  mode.prerequisites = {{.name = "a", .met = Met::kYes, .found = "x", .advice = ""},
                        {.name = "b",
                         .met = Met::kNo,
                         .found = "y",
                         .advice = "do b",
                         .obstacle = Obstacle::kFirmwareDisabled},
                        {.name = "c",
                         .met = Met::kNo,
                         .found = "z",
                         .advice = "do c",
                         .obstacle = Obstacle::kFirmwareDisabled}};
  EXPECT_EQ(AdviceFor(mode), "do b");
  mode.obstacle = Obstacle::kNoKvmDevice;
  EXPECT_NE(AdviceFor(mode).find("modprobe"), std::string::npos);
}

TEST(FacilityAdviceTest, WhatWorksNeedsNone) {
  for (const HostFacility facility : {HostFacility::kIoUring, HostFacility::kTun,
                                      HostFacility::kPasst, HostFacility::kVirtiofsd}) {
    EXPECT_EQ(AdviceFor({facility, true, "works", 0}), "");
    EXPECT_NE(AdviceFor({facility, false, "broken", EIO}), "");
  }
}

TEST(FacilityAdviceTest, FollowsTheCause) {
  const auto advice = [](HostFacility facility, int os_error) {
    return AdviceFor({facility, false, "x", os_error});
  };
  EXPECT_NE(advice(HostFacility::kIoUring, EPERM).find("kernel.io_uring_disabled=0"),
            std::string::npos);
  EXPECT_NE(advice(HostFacility::kIoUring, ENOSYS).find("CONFIG_IO_URING"), std::string::npos);
  EXPECT_NE(advice(HostFacility::kTun, ENOENT).find("modprobe tun"), std::string::npos);
  EXPECT_NE(advice(HostFacility::kTun, EACCES).find("udev"), std::string::npos);
}

}  // namespace
}  // namespace sealvm
