// SPDX-License-Identifier: Apache-2.0
//
// A hostile host of guest-fw: a whole boot from fw_cfg items that were changed, without isolation
// or with answers of SNP's or TDX's hypervisor that are lies, and the tables that lie in memory.
// The firmware must not touch what is not its own.

#include <string.h>

#include <utility>
#include <vector>

#include "guest-fw/measured/boot.h"
#include "guest-fw/measured/cpuid_page.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/kernel_hashes.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/snp_isolation.h"
#include "guest-fw/measured/td_hob.h"
#include "guest-fw/measured/tdx_isolation.h"
#include "guest-fw/measured/testing_machine.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/guest_fw_host.h"

namespace sealvm::measured {
namespace {

void ChangeBytes(FuzzInput& input, std::vector<uint8_t>& bytes) {
  for (unsigned left = input.TakeByte() % 8; left > 0 && !bytes.empty(); --left) {
    bytes[input.TakeNumber(2) % bytes.size()] = input.TakeByte();
  }
}

constexpr char kCmdline[] = "console=ttyS0";

const std::vector<uint8_t>& Initrd() {
  static const std::vector<uint8_t> initrd(5000, 1);
  return initrd;
}

// The machine has 32 MiB, so that sizes that lie do not cost seconds; some have a little more
// across a GiB that the firmware sees through its window.
std::vector<Range> MakeRam(bool with_high) {
  std::vector<Range> ram = {{.base = 0, .size = 32 * kOneMiB}};
  if (with_high) {
    ram.push_back({.base = kFourGiB + kOneGiB - kLargePage, .size = 2 * kLargePage});
  }
  return ram;
}

TestFwCfg MakeMachine(FuzzInput& input, const std::vector<Range>& ram,
                      const std::vector<uint8_t>& kernel) {
  TestFwCfg fw_cfg;
  AddE820(fw_cfg, ram);
  AddAcpi(fw_cfg);
  AddBootFiles(fw_cfg, kernel, Initrd(), kCmdline);
  for (auto& [key, bytes] : fw_cfg.items) ChangeBytes(input, bytes);
  // A size is small or cannot be true: to hash megabytes takes seconds under a sanitizer.
  for (const uint16_t key : {kFwCfgSetupSize, kFwCfgKernelSize, kFwCfgInitrdSize}) {
    std::vector<uint8_t>& size = fw_cfg.items[key];
    if ((size[2] | size[3]) != 0) size[3] |= 0x80;
  }
  // The host's numbers may be any, of machines of this size.
  for (uint64_t at = 8; at < fw_cfg.items[fw_cfg.files["etc/e820"]].size(); at += 20) {
    auto& e820 = fw_cfg.items[fw_cfg.files["etc/e820"]];
    e820[at + 3] = static_cast<uint8_t>(e820[at + 3] % 4);
  }
  return fw_cfg;
}

// What a launch puts into memory, as far as the host could have changed it.
void AddLaunchPages(FuzzInput& input, IsolationKind kind, const std::vector<Range>& ram,
                    const GuestMemory& memory) {
  if (kind == IsolationKind::kTdx) {
    std::vector<uint8_t> hob = MakeTdHob(ram);
    ChangeBytes(input, hob);
    memcpy(memory.At(TD_HOB), hob.data(), hob.size());
  }
  if (kind != IsolationKind::kSnp) return;
  std::vector<uint8_t> cpuid = MakeCpuidPage();
  ChangeBytes(input, cpuid);
  // No SHA instructions, which the machine that fuzzes may not have: bit 29 of leaf 7 EBX.
  for (size_t entry = 16; entry + 48 <= cpuid.size(); entry += 48) cpuid[entry + 31] &= 0xdf;
  memcpy(memory.At(CPUID_PAGE), cpuid.data(), cpuid.size());
}

// Whatever the host did, what was measured is what is entered.
void CheckBooted(const FuzzHost& host, IsolationKind kind, const GuestMemory& memory,
                 const std::vector<uint8_t>& kernel, uint64_t address) {
  const uint64_t size = kernel.size() - kTestSetupSize;
  SEALVM_FUZZ_CHECK(memcmp(memory.At(address), kernel.data() + kTestSetupSize, size) == 0);
  SEALVM_FUZZ_CHECK(memcmp(memory.At(CMDLINE), kCmdline, sizeof(kCmdline)) == 0);
  const auto initrd = memory.Load<uint32_t>(BOOT_PARAMS + 0x218);
  SEALVM_FUZZ_CHECK(memory.Load<uint32_t>(BOOT_PARAMS + 0x21c) == Initrd().size());
  SEALVM_FUZZ_CHECK(memcmp(memory.At(initrd), Initrd().data(), Initrd().size()) == 0);
  if (kind == IsolationKind::kNone) return;
  SEALVM_FUZZ_CHECK(host.IsPrivate(address, size) && host.IsPrivate(initrd, Initrd().size()));
  SEALVM_FUZZ_CHECK(host.IsPrivate(SHARED_BASE, SHARED_END - SHARED_BASE));
  SEALVM_FUZZ_CHECK(host.WindowIsClosed());
}

void TryBoot(FuzzInput& input, const FencedMemory& memory) {
  constexpr IsolationKind kKinds[] = {IsolationKind::kNone, IsolationKind::kSnp,
                                      IsolationKind::kTdx, IsolationKind::kNone};
  const uint8_t choice = input.TakeByte();
  const bool verified = (choice & 1) != 0;
  const IsolationKind kind = kKinds[choice >> 1 & 3];
  const std::vector<Range> ram = MakeRam((choice & 8) != 0);
  memory.Reset(kind);
  const GuestMemory guest = memory.guest();
  const std::vector<uint8_t> kernel = MakeBzImage(4096);
  std::vector<uint8_t> hashes(kSmallPage);
  if (verified) hashes = MakeHashPage(kernel, Initrd(), kCmdline);
  if (kind == IsolationKind::kSnp) {
    memcpy(guest.At(HASH_TABLE_AREA), hashes.data(), HASH_TABLE_AREA_SIZE);
  }
  std::vector<FuzzHost::Lie> lies;
  if (kind != IsolationKind::kNone) {
    AddLaunchPages(input, kind, ram, guest);
    lies = FuzzHost::TakeLies(input);
  }
  FuzzHost host(kind, memory, MakeMachine(input, ram, kernel), std::move(lies));
  NoIsolation none(host);
  SnpIsolation snp(host, guest);
  TdxIsolation tdx(host, guest, 48);
  Isolation& isolation = kind == IsolationKind::kNone  ? static_cast<Isolation&>(none)
                         : kind == IsolationKind::kSnp ? static_cast<Isolation&>(snp)
                                                       : static_cast<Isolation&>(tdx);
  ChangeBytes(input, host.directory());
  uint64_t entry = 0;
  const Failure failure =
      Boot({.kind = kind, .ram_end = uint64_t{1} << 47, .image_hashes = hashes.data()}, host,
           isolation, guest, &entry);
  if (failure != Failure::kNone) return;
  const uint64_t address = entry - 0x200;
  SEALVM_FUZZ_CHECK(address >= kOneMiB);
  SEALVM_FUZZ_CHECK(verified || kind == IsolationKind::kNone);
  if (verified) CheckBooted(host, kind, guest, kernel, address);
}

void TryTables(FuzzInput& input) {
  std::vector<uint8_t> hob = MakeTdHob({{.base = 0, .size = kOneGiB}});
  hob.resize(TD_HOB_SIZE);
  ChangeBytes(input, hob);
  RamMap ram(uint64_t{1} << 47);
  if (ReadTdHob(hob.data(), TD_HOB, hob.size(), &ram) == Failure::kNone) {
    for (size_t i = 1; i < ram.count(); ++i) {
      SEALVM_FUZZ_CHECK(ram.range(i - 1).end() < ram.range(i).base);
    }
  }
  std::vector<uint8_t> page = MakeCpuidPage();
  ChangeBytes(input, page);
  const CpuidPage cpuid(page.data());
  if (cpuid.Check() == Failure::kNone) {
    SEALVM_FUZZ_CHECK((cpuid.Find(0x8000001f, 0).ebx & 0x3f) == SNP_C_BIT);
  }
  std::vector<uint8_t> table = MakeHashPage({1}, {2}, "x");
  table.resize(HASH_TABLE_AREA_SIZE);
  ChangeBytes(input, table);
  bool present = false;
  KernelHashes hashes;
  (void)ParseKernelHashes(table.data(), table.size(), &present, &hashes);
}

}  // namespace
}  // namespace sealvm::measured

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  static const measured::FencedMemory memory;
  FuzzInput input({data, size});
  measured::TryTables(input);
  measured::TryBoot(input, memory);
  return 0;
}
