// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_PCI_REGISTERS_H_
#define SEALVM_DEVICES_PCI_PCI_REGISTERS_H_

#include <stdint.h>

namespace sealvm {

// Configuration space of a function without bridges behind it (header type 0), PCI Local Bus 3.0
// section 6.1 and 6.2.
inline constexpr uint32_t kPciConfigSize = 256;
inline constexpr uint8_t kPciVendorId = 0x00;
inline constexpr uint8_t kPciDeviceId = 0x02;
inline constexpr uint8_t kPciCommand = 0x04;
inline constexpr uint8_t kPciStatus = 0x06;
inline constexpr uint8_t kPciRevision = 0x08;
inline constexpr uint8_t kPciClassCode = 0x09;  // three bytes: interface, sub-class, base class
inline constexpr uint8_t kPciHeaderType = 0x0e;
inline constexpr uint8_t kPciBar0 = 0x10;
inline constexpr uint8_t kPciBars = 6;
inline constexpr uint8_t kPciSubsystemVendorId = 0x2c;
inline constexpr uint8_t kPciSubsystemId = 0x2e;
inline constexpr uint8_t kPciCapabilities = 0x34;
inline constexpr uint8_t kPciInterruptLine = 0x3c;
inline constexpr uint8_t kPciInterruptPin = 0x3d;
inline constexpr uint8_t kPciFirstCapability = 0x40;

// Command register, section 6.2.2.
inline constexpr uint16_t kPciCommandIo = 1 << 0;
inline constexpr uint16_t kPciCommandMemory = 1 << 1;
inline constexpr uint16_t kPciCommandBusMaster = 1 << 2;
inline constexpr uint16_t kPciCommandIntxDisable = 1 << 10;
// Status register, section 6.2.3.
inline constexpr uint16_t kPciStatusInterrupt = 1 << 3;
inline constexpr uint16_t kPciStatusCapabilities = 1 << 4;

inline constexpr uint8_t kPciHeaderMultiFunction = 1 << 7;  // section 6.2.1

inline constexpr uint32_t kPciBarIsIo = 1;  // section 6.2.5.1

// Capability identifiers, appendix H.
inline constexpr uint8_t kPciCapabilityVendor = 0x09;
inline constexpr uint8_t kPciCapabilityMsix = 0x11;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_PCI_REGISTERS_H_
