// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/effective_cmdline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

MachineConfig Config() {
  MachineConfig config;
  config.kernel = "vmlinuz";
  config.cmdline = "panic=5 quiet";
  return config;
}

TEST(EffectiveCmdlineTest, TheUsersWordsComeLast) {
  EXPECT_EQ(EffectiveCmdline(Config(), IsolationMode::kNone),
            "pci=off panic=-1 reboot=a panic=5 quiet");
}

TEST(EffectiveCmdlineTest, DevicesNeedTheBus) {
  MachineConfig config = Config();
  config.devices.rng = true;
  EXPECT_THAT(EffectiveCmdline(config, IsolationMode::kNone), Not(HasSubstr("pci=off")));
}

TEST(EffectiveCmdlineTest, ASealedGuestGetsMore) {
  const std::string line = EffectiveCmdline(Config(), IsolationMode::kSealed);
  EXPECT_NE(line, EffectiveCmdline(Config(), IsolationMode::kNone));
  EXPECT_THAT(line, EndsWith("panic=5 quiet"));
}

TEST(EffectiveCmdlineTest, TheBuiltInGuestIsToldTheVersion) {
  EXPECT_THAT(EffectiveCmdline({}, IsolationMode::kNone), StartsWith("sealvm="));
}

TEST(EffectiveCmdlineTest, BehindAFirmwareItIsTheUsersAlone) {
  MachineConfig config = Config();
  config.firmware = "OVMF.fd";
  EXPECT_EQ(EffectiveCmdline(config, IsolationMode::kNone), "panic=5 quiet");
  config.cmdline = "";
  EXPECT_EQ(EffectiveCmdline(config, IsolationMode::kNone), "");
}

}  // namespace
}  // namespace sealvm
