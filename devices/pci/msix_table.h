// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_MSIX_TABLE_H_
#define SEALVM_DEVICES_PCI_MSIX_TABLE_H_

#include <stdint.h>

#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "devices/pci/msi_vector.h"
#include "memory/base/logger.h"

namespace sealvm {

// MSI-X: the table and the pending bits (PCI Local Bus 3.0 section 6.8.2) over vectors that the
// machine made. Thread-safe.
class MsixTable {
 public:
  static constexpr uint32_t kEntrySize = 16;
  // Message control, the capability's first word (section 6.8.2.3).
  static constexpr uint16_t kControlEnable = 1 << 15;
  static constexpr uint16_t kControlFunctionMask = 1 << 14;

  // One table entry for each vector, at most 2048.
  MsixTable(std::vector<std::unique_ptr<MsiVector>> vectors, Logger logger);

  uint16_t size() const { return static_cast<uint16_t>(entries_.size()); }

  // The guest changed the message control word.
  void SetControl(uint16_t control);
  bool enabled() const;

  // Offsets into the table; aligned dwords and quadwords, others read as zero and are not written.
  void ReadTable(uint64_t offset, std::span<uint8_t> out) const;
  void WriteTable(uint64_t offset, std::span<const uint8_t> bytes);
  // Offsets into the pending bit array.
  void ReadPending(uint64_t offset, std::span<uint8_t> out) const;

  // Numbers past the table: nothing, -1.
  void Trigger(uint16_t vector);
  int EventFd(uint16_t vector) const;

 private:
  struct Entry {
    std::array<uint32_t, 4> dwords = {};
    bool connected = false;
    MsiMessage message;  // what it is connected with
  };

  void Update(size_t index);
  bool IsMasked(const Entry& entry) const;

  const std::vector<std::unique_ptr<MsiVector>> vectors_;
  const Logger logger_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  uint16_t control_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_MSIX_TABLE_H_
