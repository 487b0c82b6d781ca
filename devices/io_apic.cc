// SPDX-License-Identifier: Apache-2.0
#include "devices/io_apic.h"

#include <algorithm>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// 82093AA datasheet, section 3: windows, and registers by index.
constexpr uint64_t kSelect = 0x00;
constexpr uint64_t kWindow = 0x10;
constexpr uint8_t kId = 0x00;
constexpr uint8_t kVersion = 0x01;
constexpr uint8_t kArbitration = 0x02;
constexpr uint8_t kFirstEntry = 0x10;
constexpr uint32_t kVersionValue = 0x11 | (kIoApicPins - 1) << 16;
constexpr uint32_t kIdMask = 0x0f00'0000;

// A redirection entry: vector, delivery mode, destination mode, mask, destination. Delivery status
// and remote IRR are read-only.
constexpr uint64_t kVector = 0xff;
constexpr uint64_t kDeliveryMode = 0x700;
constexpr uint64_t kLogical = 1 << 11;
constexpr uint64_t kReadOnly = 1u << 12 | 1u << 14;
constexpr unsigned kDestinationShift = 56;

// Intel SDM vol. 3A, section 11.11.1.
constexpr uint64_t kMessageAddress = 0xfee0'0000;
constexpr unsigned kMessageDestinationShift = 12;
constexpr uint64_t kMessageLogical = 1 << 2;

}  // namespace

class IoApic::Input : public InterruptLine {
 public:
  Input(std::shared_ptr<IoApic> controller, uint32_t pin)
      : controller_(std::move(controller)), pin_(pin) {}

  void SetLevel(bool asserted) override { controller_->SetLevel(pin_, asserted); }

 private:
  const std::shared_ptr<IoApic> controller_;
  const uint32_t pin_;
};

std::unique_ptr<InterruptLine> IoApic::Line(uint32_t pin) {
  return std::make_unique<Input>(shared_from_this(), pin);
}

void IoApic::SetLevel(uint32_t pin, bool asserted) {
  if (pin >= kIoApicPins) return;
  const std::lock_guard lock(mutex_);
  if (std::exchange(asserted_[pin], asserted) || !asserted) return;
  pending_[pin] = true;
  Deliver(pin);
}

void IoApic::Deliver(uint32_t pin) {
  const uint64_t entry = entries_[pin];
  if ((entry & kMasked) != 0 || !std::exchange(pending_[pin], false)) return;
  const uint64_t destination = entry >> kDestinationShift;
  const uint64_t address = kMessageAddress | destination << kMessageDestinationShift |
                           ((entry & kLogical) != 0 ? kMessageLogical : 0);
  send_(address, static_cast<uint32_t>(entry & (kVector | kDeliveryMode)));
}

uint32_t IoApic::ReadRegister() const {
  switch (selected_) {
    case kId:
    case kArbitration:
      return id_;
    case kVersion:
      return kVersionValue;
    default:
      break;
  }
  const size_t half = size_t{selected_} - kFirstEntry;
  if (selected_ < kFirstEntry || half / 2 >= entries_.size()) return 0;
  return static_cast<uint32_t>(entries_[half / 2] >> (half % 2 == 0 ? 0 : 32));
}

void IoApic::WriteRegister(uint32_t value) {
  if (selected_ == kId) id_ = value & kIdMask;
  const size_t half = size_t{selected_} - kFirstEntry;
  if (selected_ < kFirstEntry || half / 2 >= entries_.size()) return;
  uint64_t& entry = entries_[half / 2];
  if (half % 2 == 0) {
    entry = (entry & ~uint64_t{UINT32_MAX}) | (value & ~kReadOnly);
  } else {
    entry = (entry & UINT32_MAX) | uint64_t{value} << 32;
  }
  Deliver(static_cast<uint32_t>(half / 2));
}

void IoApic::Read(uint64_t offset, std::span<uint8_t> data) {
  std::ranges::fill(data, uint8_t{0});
  const std::lock_guard lock(mutex_);
  if (offset == kSelect) StoreLeAny(data, selected_);
  if (offset == kWindow && data.size() >= 4) StoreLeAny(data.first(4), ReadRegister());
}

void IoApic::Write(uint64_t offset, std::span<const uint8_t> data) {
  const std::lock_guard lock(mutex_);
  if (offset == kSelect) selected_ = data[0];
  if (offset == kWindow && data.size() == 4) WriteRegister(*LoadLe<uint32_t>(data));
}

}  // namespace sealvm
