// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/ghcb.h"

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

constexpr uint32_t kMsr = 0xc0010130;
constexpr uint64_t kInfoMask = 0xfff;

// Section 2.3.1, the MSR protocol: requests and their answers.
constexpr uint64_t kSevInfoAnswer = 0x001;
constexpr uint64_t kSevInfo = 0x002;
constexpr uint64_t kRegister = 0x012;
constexpr uint64_t kRegisterAnswer = 0x013;
constexpr uint64_t kPageState = 0x014;
constexpr uint64_t kPageStateAnswer = 0x015;
constexpr uint64_t kFeatures = 0x080;
constexpr uint64_t kFeaturesAnswer = 0x081;
constexpr uint64_t kTerminate = 0x100;
constexpr unsigned kTerminateSetShift = 12;
constexpr unsigned kTerminateReasonShift = 16;
// Neither the standard's nor Linux' set.
constexpr uint64_t kReasonSet = 0xf;
constexpr uint64_t kFeatureSnp = 1 << 0;
constexpr uint64_t kProtocolVersion = 2;
constexpr uint64_t kPrivate = uint64_t{1} << 52;
constexpr uint64_t kShared = uint64_t{2} << 52;
constexpr uint64_t kFrameMask = 0x000ffffffffff000;

// Section 2.6, the page: offsets.
constexpr uint64_t kRax = 0x1f8;
constexpr uint64_t kExitCode = 0x390;
constexpr uint64_t kExitInfo1 = 0x398;
constexpr uint64_t kExitInfo2 = 0x3a0;
constexpr uint64_t kScratch = 0x3a8;
constexpr uint64_t kValidBitmap = 0x3f0;
constexpr uint64_t kVersionField = 0xffa;

// Section 4.1: exit codes; of port I/O the first information word is that of AMD APM vol. 2 section
// 15.10.2.
constexpr uint64_t kExitIo = 0x7b;
constexpr uint64_t kExitPageState = 0x80000010;
constexpr uint64_t kIoIn = 1 << 0;
constexpr unsigned kIoWidthShift = 4;
constexpr uint64_t kIoAddress64 = 1 << 9;
constexpr unsigned kIoPortShift = 16;

uint64_t IoInfo(uint16_t port, unsigned width) {
  return uint64_t{port} << kIoPortShift | uint64_t{width} << kIoWidthShift | kIoAddress64;
}

}  // namespace

uint64_t Ghcb::CallMsr(uint64_t request) {
  cpu_.WriteMsr(kMsr, request);
  cpu_.Vmgexit();
  return cpu_.ReadMsr(kMsr);
}

Failure Ghcb::Negotiate() {
  const uint64_t info = CallMsr(kSevInfo);
  if ((info & kInfoMask) != kSevInfoAnswer) return Failure::kHypervisorAnswer;
  const uint64_t highest = info >> 48;
  const uint64_t lowest = info >> 32 & 0xffff;
  if (lowest > kProtocolVersion || highest < kProtocolVersion) return Failure::kGhcbVersion;
  if ((info >> 24 & 0xff) != SNP_C_BIT) return Failure::kCBit;
  const uint64_t features = CallMsr(kFeatures);
  if ((features & kInfoMask) != kFeaturesAnswer) return Failure::kHypervisorAnswer;
  return (features >> 12 & kFeatureSnp) != 0 ? Failure::kNone : Failure::kNoSnpFeature;
}

Failure Ghcb::ChangePageState(uint64_t gpa, bool make_private) {
  const uint64_t answer =
      CallMsr((make_private ? kPrivate : kShared) | (gpa & kFrameMask) | kPageState);
  if ((answer & kInfoMask) != kPageStateAnswer) return Failure::kHypervisorAnswer;
  return answer >> 32 == 0 ? Failure::kNone : Failure::kPageState;
}

Failure Ghcb::Register() {
  const uint64_t answer = CallMsr(page_ | kRegister);
  return answer == (page_ | kRegisterAnswer) ? Failure::kNone : Failure::kHypervisorAnswer;
}

void Ghcb::Clear() { memory_.Zero(page_, kSharedBuffer); }

void Ghcb::Set(uint64_t offset, uint64_t value) {
  memory_.StoreShared(page_ + offset, value);
  const uint64_t bit = offset / 8;
  uint8_t* byte = memory_.At(page_ + kValidBitmap + bit / 8);
  *byte = static_cast<uint8_t>(*byte | 1u << bit % 8);
}

Failure Ghcb::Call(uint64_t exit_code, uint64_t info1, uint64_t info2) {
  Set(kExitCode, exit_code);
  Set(kExitInfo1, info1);
  Set(kExitInfo2, info2);
  memory_.StoreShared(page_ + kVersionField, static_cast<uint16_t>(kProtocolVersion));
  memory_.StoreShared<uint32_t>(page_ + kVersionField + 2, 0);  // the standard's usage of the page
  cpu_.WriteMsr(kMsr, page_);
  cpu_.Vmgexit();
  // The low half tells of an exception that the guest should take.
  const auto error = static_cast<uint32_t>(memory_.LoadShared<uint64_t>(page_ + kExitInfo1));
  return error == 0 ? Failure::kNone : Failure::kHypervisorAnswer;
}

Failure Ghcb::Out(uint16_t port, unsigned width, uint32_t value) {
  Clear();
  Set(kRax, value);
  return Call(kExitIo, IoInfo(port, width), 0);
}

Failure Ghcb::In(uint16_t port, unsigned width, uint32_t* value) {
  Clear();
  Set(kRax, 0);
  SEALVM_FW_TRY(Call(kExitIo, IoInfo(port, width) | kIoIn, 0));
  const auto rax = memory_.LoadShared<uint64_t>(page_ + kRax);
  *value = static_cast<uint32_t>(rax & ((uint64_t{1} << 8 * width) - 1));
  return Failure::kNone;
}

Failure Ghcb::PageStateChange(uint64_t buffer, uint64_t* result) {
  Clear();
  Set(kScratch, buffer);
  SEALVM_FW_TRY(Call(kExitPageState, 0, 0));
  *result = memory_.LoadShared<uint64_t>(page_ + kExitInfo2);
  return Failure::kNone;
}

void Ghcb::Terminate(uint8_t reason) {
  CallMsr(uint64_t{reason} << kTerminateReasonShift | kReasonSet << kTerminateSetShift |
          kTerminate);
}

}  // namespace sealvm::measured
