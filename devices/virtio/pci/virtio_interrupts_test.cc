// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/virtio_interrupts.h"

#include <gtest/gtest.h>

#include <thread>

#include "devices/pci/testing_vectors.h"
#include "devices/testing.h"

namespace sealvm {
namespace {

// A line whose record outlives its owner.
class ForwardingLine : public InterruptLine {
 public:
  explicit ForwardingLine(RecordingLine& to) : to_(to) {}
  void SetLevel(bool asserted) override { to_.SetLevel(asserted); }

 private:
  RecordingLine& to_;
};

class VirtioInterruptsTest : public testing::Test {
 protected:
  VirtioInterruptsTest() {
    std::vector<std::unique_ptr<MsiVector>> vectors;
    for (int i = 0; i < 3; ++i) vectors.push_back(factory_.Create().value());
    msix_ = std::make_unique<MsixTable>(std::move(vectors), Logger());
    interrupts_ =
        std::make_unique<VirtioInterrupts>(2, msix_.get(), std::make_unique<ForwardingLine>(line_),
                                           [this](const Error&) { ++failures_; });
  }

  RecordingLine line_;
  RecordingVectors factory_;
  int failures_ = 0;
  std::unique_ptr<MsixTable> msix_;
  std::unique_ptr<VirtioInterrupts> interrupts_;
};

TEST_F(VirtioInterruptsTest, TheLineIsUpUntilTheIsrIsRead) {
  interrupts_->InterruptQueue(1);
  EXPECT_TRUE(line_.level());
  interrupts_->InterruptQueue(0);
  EXPECT_EQ(line_.rising_edges(), 1);
  EXPECT_EQ(interrupts_->TakeIsr(), VirtioInterrupts::kIsrQueue);
  EXPECT_FALSE(line_.level());
  EXPECT_EQ(interrupts_->TakeIsr(), 0);
}

TEST_F(VirtioInterruptsTest, VectorsTakeTheLinesPlace) {
  msix_->SetControl(MsixTable::kControlEnable);
  interrupts_->SetQueueVector(1, 2);
  interrupts_->InterruptQueue(1);
  EXPECT_EQ(factory_.records[2]->triggers, 1);
  interrupts_->InterruptQueue(0);  // has no vector
  EXPECT_FALSE(line_.level());
  EXPECT_EQ(interrupts_->TakeIsr(), 0);
}

TEST_F(VirtioInterruptsTest, AVectorThatIsNotThereIsNotTaken) {
  interrupts_->SetQueueVector(0, 3);
  EXPECT_EQ(interrupts_->queue_vector(0), VirtioInterrupts::kNoVector);
  interrupts_->SetConfigVector(2);
  EXPECT_EQ(interrupts_->config_vector(), 2);
}

TEST_F(VirtioInterruptsTest, ConfigurationsChangeForDriversThatAreReady) {
  const uint8_t generation = interrupts_->config_generation();
  interrupts_->InterruptConfig();
  EXPECT_FALSE(line_.level());
  EXPECT_NE(interrupts_->config_generation(), generation);
  interrupts_->SetDriverReady(true);
  interrupts_->InterruptConfig();
  EXPECT_EQ(interrupts_->TakeIsr(), VirtioInterrupts::kIsrConfig);
}

TEST_F(VirtioInterruptsTest, AFailureIsToldOnce) {
  interrupts_->SetDriverReady(true);
  for (int i = 0; i < 3; ++i) interrupts_->NeedReset({ErrorKind::kHost, "broken", "", 0});
  EXPECT_EQ(failures_, 1);
  EXPECT_TRUE(interrupts_->needs_reset());
  EXPECT_EQ(interrupts_->TakeIsr(), VirtioInterrupts::kIsrConfig);
  interrupts_->Reset();
  EXPECT_FALSE(interrupts_->needs_reset());
}

TEST_F(VirtioInterruptsTest, TheGuestMaySwitchTheLineOff) {
  interrupts_->SetLineEnabled(false);
  interrupts_->InterruptQueue(0);
  EXPECT_FALSE(line_.level());
  interrupts_->SetLineEnabled(true);
  EXPECT_TRUE(line_.level());
}

TEST_F(VirtioInterruptsTest, LendsAVectorsDescriptor) {
  interrupts_->SetQueueVector(0, 1);
  EXPECT_EQ(interrupts_->InterruptFd(0), -1);
  msix_->SetControl(MsixTable::kControlEnable);
  EXPECT_EQ(interrupts_->InterruptFd(0), msix_->EventFd(1));
  EXPECT_EQ(interrupts_->InterruptFd(1), -1);
}

TEST_F(VirtioInterruptsTest, DevicesAndDriversMayMeet) {
  std::jthread device([this] {
    for (int i = 0; i < 10000; ++i) interrupts_->InterruptQueue(i % 2);
  });
  std::jthread driver([this] {
    for (int i = 0; i < 10000; ++i) interrupts_->TakeIsr();
  });
  device.join();
  driver.join();
  interrupts_->TakeIsr();
  EXPECT_FALSE(line_.level());
}

}  // namespace
}  // namespace sealvm
