// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/msix_table.h"

#include <algorithm>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Dwords of an entry: address, upper address, data, vector control (section 6.8.2.6 to .9).
constexpr size_t kVectorControl = 3;
constexpr uint32_t kVectorMasked = 1;

}  // namespace

MsixTable::MsixTable(std::vector<std::unique_ptr<MsiVector>> vectors, Logger logger)
    : vectors_(std::move(vectors)), logger_(std::move(logger)), entries_(vectors_.size()) {
  for (Entry& entry : entries_) entry.dwords[kVectorControl] = kVectorMasked;
}

bool MsixTable::IsMasked(const Entry& entry) const {
  return (control_ & kControlEnable) == 0 || (control_ & kControlFunctionMask) != 0 ||
         (entry.dwords[kVectorControl] & kVectorMasked) != 0;
}

// What is masked is disconnected, so that its interrupts stay pending.
void MsixTable::Update(size_t index) {
  Entry& entry = entries_[index];
  const MsiMessage message = {.address = entry.dwords[0] | uint64_t{entry.dwords[1]} << 32,
                              .data = entry.dwords[2]};
  const bool masked = IsMasked(entry);
  if (entry.connected && (masked || message != entry.message)) {
    vectors_[index]->Disconnect();
    entry.connected = false;
  }
  if (masked || entry.connected) return;
  if (const Result<> result = vectors_[index]->Connect(message); !result) {
    logger_.Log(LogLevel::kError, "MSI-X vector {}: {}", index, result.error().ToString());
    return;
  }
  entry.connected = true;
  entry.message = message;
}

void MsixTable::SetControl(uint16_t control) {
  const std::lock_guard lock(mutex_);
  if (control == control_) return;
  control_ = control;
  for (size_t i = 0; i < entries_.size(); ++i) Update(i);
}

bool MsixTable::enabled() const {
  const std::lock_guard lock(mutex_);
  return (control_ & kControlEnable) != 0;
}

void MsixTable::ReadTable(uint64_t offset, std::span<uint8_t> out) const {
  std::ranges::fill(out, uint8_t{0});
  if (offset % 4 != 0 || out.size() % 4 != 0) return;
  const std::lock_guard lock(mutex_);
  for (size_t done = 0; done < out.size(); done += 4) {
    const size_t index = (offset + done) / kEntrySize;
    if (index >= entries_.size()) return;
    StoreLeAny(out.subspan(done, 4), entries_[index].dwords[(offset + done) % kEntrySize / 4]);
  }
}

void MsixTable::WriteTable(uint64_t offset, std::span<const uint8_t> bytes) {
  if (offset % 4 != 0 || bytes.size() % 4 != 0) return;
  const std::lock_guard lock(mutex_);
  for (size_t done = 0; done < bytes.size(); done += 4) {
    const size_t index = (offset + done) / kEntrySize;
    if (index >= entries_.size()) return;
    const uint32_t value = static_cast<uint32_t>(LoadLeAny(bytes.subspan(done, 4)));
    entries_[index].dwords[(offset + done) % kEntrySize / 4] = value;
    Update(index);
  }
}

void MsixTable::ReadPending(uint64_t offset, std::span<uint8_t> out) const {
  std::ranges::fill(out, uint8_t{0});
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < entries_.size(); ++i) {
    const uint64_t byte = i / 8;
    if (byte < offset || byte - offset >= out.size()) continue;
    if (!entries_[i].connected && vectors_[i]->IsPending()) {
      out[byte - offset] |= static_cast<uint8_t>(1 << (i % 8));
    }
  }
}

void MsixTable::Trigger(uint16_t vector) {
  if (vector < vectors_.size()) vectors_[vector]->Trigger();
}

int MsixTable::EventFd(uint16_t vector) const {
  return vector < vectors_.size() ? vectors_[vector]->event_fd() : -1;
}

}  // namespace sealvm
