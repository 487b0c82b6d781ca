// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_TEST_SUPPORT_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <span>
#include <string_view>
#include <vector>

#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/isolation/measurement/launch_plan.h"

namespace sealvm {

// A firmware with what its image says.
struct TestFirmware {
  explicit TestFirmware(const FirmwareBuilder& builder = {}) : image(builder.Image()) {
    const auto table = OvmfTable::Parse(image);
    EXPECT_TRUE(table.has_value());
    const auto parsed_sev = ParseSevMetadata(image, *table);
    EXPECT_TRUE(parsed_sev.has_value());
    sev = *parsed_sev;
    const auto parsed_tdx = ParseTdxMetadata(image, *table);
    EXPECT_TRUE(parsed_tdx.has_value());
    tdx = parsed_tdx->value_or(TdxMetadata());
  }

  FirmwareImage image;
  SevMetadata sev;
  TdxMetadata tdx;
};

// Bytes put one behind the other, as specifications write them.
class ByteString {
 public:
  ByteString& Add(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteString& Add(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  // `size` bytes, little-endian.
  ByteString& Number(uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return *this;
  }
  ByteString& Zeros(size_t size) {
    bytes_.resize(bytes_.size() + size);
    return *this;
  }
  const std::vector<uint8_t>& get() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// Plans keep to what their users rely on.
inline void ExpectWellFormed(const LaunchPlan& plan) {
  for (const LaunchStep& step : plan.steps()) {
    EXPECT_TRUE(step.content.empty() || step.content.size() == step.size) << step.what;
    EXPECT_FALSE(step.what.empty());
    if (step.kind == LaunchStepKind::kSevData) continue;
    EXPECT_EQ(step.gpa % kPageSize, 0u);
    EXPECT_EQ(step.size % kPageSize, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(step.content.data()) % kPageSize, 0u) << step.what;
  }
}

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_LAUNCH_TEST_SUPPORT_H_
