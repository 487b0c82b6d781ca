// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_HOST_BRIDGES_H_
#define SEALVM_DEVICES_PCI_HOST_BRIDGES_H_

#include <stdint.h>

#include <memory>

#include "devices/pci/pci_function.h"

namespace sealvm {

// Bridges between CPU and bus 0, identities without registers of their own.

// For guests that are told everything by ACPI: they have no quirks for it.
std::shared_ptr<PciFunction> MakeGenericHostBridge();

// What OVMF knows its machine by, and what it sets up there: the Intel 82440FX (device 0), with two
// functions of the 82371 (device 1; Intel 290550, 290562). OVMF programs PAM, SMRAM and interrupt
// routing registers of these chips on its way; it never reads them back, so they are not kept.
std::shared_ptr<PciFunction> MakeI440fxHostBridge();
// Function 0, which says that there are others: firmware finds the ISA bus, and so the serial
// port, by it.
std::shared_ptr<PciFunction> MakePiix3IsaBridge();
// Function 3. `pm_base` is where its power management registers are, which it shows as set up: a
// firmware leaves them where they are then.
inline constexpr uint8_t kPiix4PmFunction = 3;
std::shared_ptr<PciFunction> MakePiix4PowerManagement(uint16_t pm_base);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_HOST_BRIDGES_H_
