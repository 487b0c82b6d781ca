// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/handover_status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

namespace sealvm {
namespace {

Handover MakeHandover() {
  Handover handover;
  handover.payloads.resize(2);
  handover.payloads[0].name = "--kernel /boot/vmlinuz";
  handover.payloads[1].name = "--initrd /boot/initrd";
  return handover;
}

std::string MessageFor(uint32_t value) {
  const Result<> result = ReadHandoverStatus(value, MakeHandover());
  EXPECT_FALSE(result);
  return result ? "" : result.error().message;
}

TEST(HandoverStatus, DoneIsSuccess) {
  EXPECT_TRUE(ReadHandoverStatus(kStatusDone, MakeHandover()));
}

TEST(HandoverStatus, NamesThePayloadWhoseDigestDiffers) {
  EXPECT_EQ(MessageFor(EncodeLoaderStatus({LoaderError::kDigestMismatch, 1})),
            "sealed loader: --initrd /boot/initrd: its SHA-256 in private memory differs from what "
            "was measured");
}

TEST(HandoverStatus, NamesNoPayloadWhenTheTreeIsWrong) {
  EXPECT_EQ(MessageFor(EncodeLoaderStatus({LoaderError::kTreeHeader, kNoPayload})),
            "sealed loader: it found no hand-over tree");
}

TEST(HandoverStatus, NumbersAPayloadThatDoesNotExist) {
  EXPECT_EQ(MessageFor(EncodeLoaderStatus({LoaderError::kOverlap, 2})),
            "sealed loader: payload 2: its destination overlaps another payload's");
}

TEST(HandoverStatus, HasDifferentWordsForEveryError) {
  std::set<std::string> messages;
  size_t errors = 0;
  for (const auto& [first, last] : {std::pair{0x01, 0x08}, {0x10, 0x18}, {0x20, 0x26}}) {
    for (int error = first; error <= last; ++error, ++errors) {
      const std::string message =
          MessageFor(EncodeLoaderStatus({static_cast<LoaderError>(error), kNoPayload}));
      EXPECT_EQ(message.find("unknown"), message.find("unknown node")) << message;
      messages.insert(message);
    }
  }
  EXPECT_EQ(messages.size(), errors);
}

TEST(HandoverStatus, RefusesValuesThatAreNoStatus) {
  for (const uint32_t value :
       {0u, 1u, 0x5ea1'0001u, 0x5ea1'27ffu, 0x5ea1'ffffu, 0x5ea2'0000u, 0x0000'26ffu, UINT32_MAX}) {
    EXPECT_NE(MessageFor(value).find("unknown status"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace sealvm
