// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/names.h"

#include "vmm/api/doctor.h"
#include "vmm/api/machine.h"

namespace sealvm {
namespace {

using internal::NameTable;

constexpr NameTable<ExitReason>::Entry kExitReasons[] = {
    {ExitReason::kPowerOff, "power-off"},   {ExitReason::kReset, "reset"},
    {ExitReason::kPanic, "panic"},          {ExitReason::kTripleFault, "triple-fault"},
    {ExitReason::kGuestExit, "guest-exit"}, {ExitReason::kStopped, "stopped"},
    {ExitReason::kError, "error"},
};

constexpr NameTable<EventKind>::Entry kEventKinds[] = {
    {EventKind::kCreated, "created"},
    {EventKind::kStarted, "started"},
    {EventKind::kFirstInstruction, "first-instruction"},
    {EventKind::kBootMark, "boot-mark"},
    {EventKind::kBooted, "booted"},
    {EventKind::kPanicked, "panicked"},
    {EventKind::kDeviceFailed, "device-failed"},
    {EventKind::kExit, "exit"},
};

constexpr NameTable<HostFacility>::Entry kHostFacilities[] = {
    {HostFacility::kIoUring, "io_uring"},
    {HostFacility::kTun, "tun"},
    {HostFacility::kPasst, "passt"},
    {HostFacility::kVirtiofsd, "virtiofsd"},
};

constexpr NameTable<Met>::Entry kMets[] = {
    {Met::kYes, "yes"},
    {Met::kNo, "no"},
    {Met::kUnknown, "unknown"},
};

constexpr NameTable<Obstacle>::Entry kObstacles[] = {
    {Obstacle::kNone, "none"},
    {Obstacle::kNoKvmDevice, "no-kvm-device"},
    {Obstacle::kNoKvmPermission, "no-kvm-permission"},
    {Obstacle::kKvmBroken, "kvm-broken"},
    {Obstacle::kKernelTooOld, "kernel-too-old"},
    {Obstacle::kKernelOption, "kernel-option"},
    {Obstacle::kNoMemoryProvider, "no-memory-provider"},
    {Obstacle::kCpuFeature, "cpu-feature"},
    {Obstacle::kFirmwareDisabled, "firmware-disabled"},
    {Obstacle::kNoDeviceNode, "no-device-node"},
    {Obstacle::kNoDevicePermission, "no-device-permission"},
};

}  // namespace

std::string_view ExitReasonName(ExitReason reason) {
  return NameTable<ExitReason>(kExitReasons).NameOf(reason);
}

std::string_view MetName(Met met) { return NameTable<Met>(kMets).NameOf(met); }

std::string_view EventKindName(EventKind kind) {
  return NameTable<EventKind>(kEventKinds).NameOf(kind);
}

std::string_view HostFacilityName(HostFacility facility) {
  return NameTable<HostFacility>(kHostFacilities).NameOf(facility);
}

std::string_view ObstacleName(Obstacle obstacle) {
  return NameTable<Obstacle>(kObstacles).NameOf(obstacle);
}

}  // namespace sealvm
