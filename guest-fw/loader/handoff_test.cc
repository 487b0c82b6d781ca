// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/handoff.h"

#include <gtest/gtest.h>

#include <memory>

#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

constexpr uint64_t kScratchOffset = 0x3000;

class HandoffTest : public testing::Test {
 protected:
  void SetUp() override { PrepareHandoff(manifest_, kScratchOffset, scratch_.get()); }
  const Handoff& handoff() const { return scratch_->handoff; }

  Manifest manifest_ = GoodManifest();
  uint64_t image_ = manifest_.payloads[kLoaderPayload].destination;
  std::unique_ptr<Scratch> scratch_ = std::make_unique<Scratch>();
};

TEST_F(HandoffTest, CarriesTheKernelsState) {
  EXPECT_EQ(handoff().entry, manifest_.entry);
  EXPECT_EQ(handoff().boot_params, manifest_.boot_params);
  EXPECT_EQ(handoff().final_cr3, manifest_.page_tables);
  EXPECT_EQ(handoff().status_port, manifest_.status_port);
}

TEST_F(HandoffTest, PointsToThePrivateCopy) {
  EXPECT_EQ(handoff().high_image, image_);
  EXPECT_EQ(handoff().alias, kC);
  EXPECT_EQ(handoff().bridge_cr3, image_ + kScratchOffset);
}

TEST_F(HandoffTest, ZeroesTheWholeWindow) {
  EXPECT_EQ(handoff().window, WindowView(manifest_));
  EXPECT_EQ(handoff().window_qwords * 8, manifest_.window.size);
}

TEST_F(HandoffTest, HasTheBootProtocolsSegments) {
  EXPECT_EQ(handoff().gdt[0], 0u);
  EXPECT_EQ(handoff().gdt[0x10 / 8], 0x00af9b000000ffffu);
  EXPECT_EQ(handoff().gdt[0x18 / 8], 0x00cf93000000ffffu);
}

TEST_F(HandoffTest, GivesTheGdtAnAddressBelow4GiB) {
  const uint64_t offset = reinterpret_cast<const uint8_t*>(handoff().gdt) -
                          reinterpret_cast<const uint8_t*>(scratch_.get());
  // Values: references to packed members may be misaligned.
  EXPECT_EQ(uint64_t{handoff().gdt_pointer.base}, 3 * kMiB + kScratchOffset + offset);
  EXPECT_EQ(uint16_t{handoff().gdt_pointer.limit}, sizeof(handoff().gdt) - 1);
}

}  // namespace
}  // namespace sealvm::loader
