// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_LAYOUT_H_
#define SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_LAYOUT_H_

#include <stdint.h>

#include "devices/pci/pci_config_space.h"

namespace sealvm {

// Where the parts of a virtio-pci device lie in its BAR 0. The placement is ours; the driver learns
// it from the capabilities (Virtual I/O Device 1.3 section 4.1.4).
struct VirtioPciLayout {
  PciSpace space = PciSpace::kMemory;
  uint32_t bar_size = 0;
  uint32_t common = 0;
  uint32_t isr = 0;
  uint32_t device = 0;
  uint32_t device_length = 0;
  uint32_t notify = 0;
  uint32_t notify_length = 0;
  // Bytes between two queues' doorbells; 0: one for all, which the written number tells apart.
  uint32_t notify_multiplier = 0;
  // 0: no MSI-X.
  uint32_t msix_table = 0;
  uint32_t msix_pending = 0;
};

inline constexpr uint32_t kCommonConfigLength = 64;

// Each part has a page of its own. Doorbells of 1024 queues fit, more vectors than we have too.
inline constexpr VirtioPciLayout kMemoryBarLayout = {.space = PciSpace::kMemory,
                                                     .bar_size = 0x8000,
                                                     .common = 0x0000,
                                                     .isr = 0x1000,
                                                     .device = 0x2000,
                                                     .device_length = 0x1000,
                                                     .notify = 0x3000,
                                                     .notify_length = 0x1000,
                                                     .notify_multiplier = 4,
                                                     .msix_table = 0x4000,
                                                     .msix_pending = 0x5000};

// 256 bytes are the most that an I/O BAR may have on a PC (PCI Local Bus 3.0 section 6.2.5.1).
inline constexpr VirtioPciLayout kIoBarLayout = {.space = PciSpace::kIo,
                                                 .bar_size = 0x100,
                                                 .common = 0x00,
                                                 .isr = 0x44,
                                                 .device = 0x60,
                                                 .device_length = 0xa0,
                                                 .notify = 0x40,
                                                 .notify_length = 2,
                                                 .notify_multiplier = 0,
                                                 .msix_table = 0,
                                                 .msix_pending = 0};

inline const VirtioPciLayout& VirtioPciLayoutFor(PciSpace space) {
  return space == PciSpace::kIo ? kIoBarLayout : kMemoryBarLayout;
}

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_LAYOUT_H_
