// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_DEVICE_FACTORY_H_
#define SEALVM_VMM_MACHINE_DEVICE_FACTORY_H_

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "devices/virtio/console/console_device.h"
#include "memory/base/logger.h"
#include "vmm/api/config.h"
#include "vmm/machine/pci_devices.h"

namespace sealvm {

// The virtio devices of a machine, before there is a machine: files, sockets and taps are opened
// and checked.
struct MachineDevices {
  // In the order of the PCI bus: disks, networks, shares, vsock, console, rng.
  std::vector<NamedDevice> all;
  std::shared_ptr<ConsoleDevice> console;  // null where there is none
};

Result<MachineDevices> MakeMachineDevices(const MachineConfig& config, ConsoleCallbacks console,
                                          const Logger& logger);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_DEVICE_FACTORY_H_
