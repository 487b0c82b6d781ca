// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/boot.h"

#include "guest-fw/measured/acpi_loader.h"
#include "guest-fw/measured/boot_params.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/kernel_hashes.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/linux_kernel.h"
#include "guest-fw/measured/madt_wakeup.h"
#include "guest-fw/measured/ram_map.h"
#include "guest-fw/measured/td_hob.h"

namespace sealvm::measured {
namespace {

constexpr char kE820Name[] = "etc/e820";
// u64 base, u64 size, u32 type.
constexpr uint32_t kE820EntrySize = 20;
constexpr uint32_t kE820Ram = 1;

Failure ReadE820(FwCfg& fw_cfg, const GuestMemory& memory, RamMap* ram) {
  FwCfgFile file;
  SEALVM_FW_TRY(fw_cfg.Find(kE820Name, &file));
  if (file.size % kE820EntrySize != 0 || file.size > SCRATCH_SIZE) return Failure::kMemoryMap;
  SEALVM_FW_TRY(fw_cfg.Read(file.key, file.size, SCRATCH));
  for (uint64_t at = SCRATCH; at < SCRATCH + file.size; at += kE820EntrySize) {
    if (memory.Load<uint32_t>(at + 16) != kE820Ram) continue;
    SEALVM_FW_TRY(
        ram->Add({.base = memory.Load<uint64_t>(at), .size = memory.Load<uint64_t>(at + 8)}));
  }
  return ram->Finish();
}

// Null in `*hashes_or_null` when nothing has to be verified.
Failure FindHashes(const BootInputs& inputs, const GuestMemory& memory, KernelHashes* hashes,
                   const KernelHashes** hashes_or_null) {
  bool present = false;
  if (inputs.kind != IsolationKind::kSnp) {
    SEALVM_FW_TRY(ParseKernelHashes(inputs.image_hashes, kSmallPage, &present, hashes));
  }
  if (!present && inputs.kind != IsolationKind::kTdx) {
    SEALVM_FW_TRY(
        ParseKernelHashes(memory.At(HASH_TABLE_AREA), HASH_TABLE_AREA_SIZE, &present, hashes));
  }
  if (!present && inputs.kind != IsolationKind::kNone) return Failure::kNoHashes;
  *hashes_or_null = present ? hashes : nullptr;
  return Failure::kNone;
}

// SHA, SSSE3 (Intel SDM vol. 2A, CPUID).
bool HasShaNi(Isolation& isolation) {
  constexpr uint32_t kSsse3 = 1 << 9;
  constexpr uint32_t kSha = 1 << 29;
  return isolation.Cpuid(0, 0).eax >= 7 && (isolation.Cpuid(1, 0).ecx & kSsse3) != 0 &&
         (isolation.Cpuid(7, 0).ebx & kSha) != 0;
}

}  // namespace

Failure Boot(const BootInputs& inputs, Cpu& cpu, Isolation& isolation, const GuestMemory& memory,
             uint64_t* entry) {
  SEALVM_FW_TRY(isolation.Start());
  FwCfg fw_cfg(isolation, memory);
  SEALVM_FW_TRY(fw_cfg.Open());
  KernelHashes hashes_store;
  const KernelHashes* hashes = nullptr;
  SEALVM_FW_TRY(FindHashes(inputs, memory, &hashes_store, &hashes));

  RamMap ram(inputs.ram_end);
  if (inputs.kind == IsolationKind::kTdx) {
    SEALVM_FW_TRY(ReadTdHob(memory.At(TD_HOB), TD_HOB, TD_HOB_SIZE, &ram));
  } else {
    SEALVM_FW_TRY(ReadE820(fw_cfg, memory, &ram));
  }
  SEALVM_FW_TRY(AcceptRam(isolation, inputs.kind, ram));

  Range acpi = {.size = kAcpiAreaSize};
  if (!ram.TakeTop(acpi.size, kFourGiB, &acpi.base)) return Failure::kAcpiMemory;
  AcpiLoader acpi_loader(fw_cfg, memory, acpi);
  uint64_t rsdp = 0;
  SEALVM_FW_TRY(acpi_loader.Run(&rsdp));
  if (inputs.kind == IsolationKind::kTdx) {
    SEALVM_FW_TRY(AddMadtWakeup(memory, acpi, acpi_loader.next(), rsdp, MAILBOX_PAGE));
  }

  const bool sha_ni = hashes != nullptr && HasShaNi(isolation);
  if (sha_ni) cpu.AllowSse(true);
  LoadedKernel kernel;
  const Failure loading = LoadKernel(
      fw_cfg, memory, ram, sha_ni ? loader::Sha256Engine::kShaNi : loader::Sha256Engine::kScalar,
      hashes, &kernel);
  if (sha_ni) cpu.AllowSse(false);
  SEALVM_FW_TRY(loading);

  SEALVM_FW_TRY(CompleteBootParams(memory, inputs.kind, ram, kernel, acpi, rsdp));
  SEALVM_FW_TRY(isolation.CloseWindow());
  *entry = kernel.entry;
  return Failure::kNone;
}

}  // namespace sealvm::measured
