// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_FW_CFG_FW_CFG_DEVICE_H_
#define SEALVM_DEVICES_FW_CFG_FW_CFG_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <span>

#include "devices/bus_device.h"
#include "devices/fw_cfg/fw_cfg_items.h"
#include "memory/base/logger.h"
#include "memory/base/mutex.h"
#include "memory/shared_view.h"

namespace sealvm {

// How a firmware reads FwCfgItems (QEMU docs/specs/fw_cfg.rst), a window of kFwCfgLength ports:
//   +0 selector, 2 bytes: the key to read from its start. Keys with no item read as zeroes.
//   +1 data, 1 byte: the next byte of the item; zero past its end. Writes do nothing.
//   +4 DMA address, 8 bytes, big-endian: reads as "QEMU CFG". A write of the low half carries the
//      request there out before it returns.
// A DMA request is a control word, a length and an address, big-endian; the control word is cleared
// when it is done, and its error bit set when it cannot be: its memory is not RAM that the guest
// shares, it writes (no item can be written), or the item's file failed. Reads past an item's end
// give zeroes.
//
// Thread-safe; a request holds others up.
class FwCfgDevice : public BusDevice {
 public:
  FwCfgDevice(FwCfgItems items, std::shared_ptr<SharedView> memory, Logger logger);

  std::string_view Name() const override { return "fw-cfg"; }
  void Read(uint64_t offset, std::span<uint8_t> data) override SEALVM_EXCLUDES(mutex_);
  void Write(uint64_t offset, std::span<const uint8_t> data) override SEALVM_EXCLUDES(mutex_);

 private:
  void Select(uint16_t key) SEALVM_REQUIRES(mutex_);
  uint8_t NextByte() SEALVM_REQUIRES(mutex_);
  // Fills `out` from where reading has come to.
  Result<> Take(std::span<uint8_t> out) SEALVM_REQUIRES(mutex_);
  void Skip(uint32_t length) SEALVM_REQUIRES(mutex_);
  void RunRequest(Gpa request) SEALVM_REQUIRES(mutex_);
  Result<> Carry(uint32_t control, uint32_t length, Gpa address) SEALVM_REQUIRES(mutex_);
  Result<> CopyOut(Gpa address, uint32_t length) SEALVM_REQUIRES(mutex_);

  const FwCfgItems items_;
  const std::shared_ptr<SharedView> memory_;
  const Logger logger_;

  Mutex mutex_;
  const FwCfgSource* selected_ SEALVM_GUARDED_BY(mutex_) = nullptr;  // null: no such item
  uint32_t offset_ SEALVM_GUARDED_BY(mutex_) = 0;                    // at most the item's size
  uint32_t dma_high_ SEALVM_GUARDED_BY(mutex_) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_FW_CFG_FW_CFG_DEVICE_H_
