// SPDX-License-Identifier: Apache-2.0
//
// A hostile host of guest-fw: a whole boot from fw_cfg items that were changed, and the tables that
// lie in memory. The firmware must not touch what is not its own.

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "guest-fw/measured/boot.h"
#include "guest-fw/measured/cpuid_page.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/kernel_hashes.h"
#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/no_isolation.h"
#include "guest-fw/measured/td_hob.h"
#include "guest-fw/measured/testing_machine.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm::measured {
namespace {

// 4 GiB of guest memory between pages that nobody may touch; nor may what is here for other
// purposes.
class FencedMemory {
 public:
  static constexpr uint64_t kFence = kLargePage;

  FencedMemory() {
    void* all = mmap(nullptr, kFourGiB + 2 * kFence, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SEALVM_FUZZ_CHECK(all != MAP_FAILED);
    base_ = static_cast<uint8_t*>(all) + kFence;
    Allow(0, PAGE_TABLES);
    Allow(PAGE_TABLES + PAGE_TABLES_SIZE, STACK_BASE);
    Allow(STACK_TOP, kVideoHole.base);
    Allow(kVideoHole.end(), kDeviceHole.base);
  }

  GuestMemory guest() const { return GuestMemory(reinterpret_cast<uintptr_t>(base_)); }
  void Clear() const { SEALVM_FUZZ_CHECK(madvise(base_, kFourGiB, MADV_DONTNEED) == 0); }

 private:
  void Allow(uint64_t begin, uint64_t end) const {
    SEALVM_FUZZ_CHECK(mprotect(base_ + begin, end - begin, PROT_READ | PROT_WRITE) == 0);
  }

  uint8_t* base_;
};

// Serves fw_cfg by DMA.
class FuzzHost final : public Cpu {
 public:
  FuzzHost(const FencedMemory& memory, const TestFwCfg& fw_cfg)
      : guest_(memory.guest()), items_(fw_cfg.items) {
    std::vector<uint8_t> directory = {0, 0, 0, static_cast<uint8_t>(fw_cfg.files.size())};
    for (const auto& [name, key] : fw_cfg.files) {
      const auto size = static_cast<uint32_t>(items_.at(key).size());
      for (const uint32_t byte : {size >> 24, size >> 16, size >> 8, size}) {
        directory.push_back(static_cast<uint8_t>(byte));
      }
      directory.insert(directory.end(), {0, static_cast<uint8_t>(key), 0, 0});
      directory.insert(directory.end(), name.begin(), name.end());
      directory.resize(directory.size() + 56 - name.size());
    }
    items_[kFwCfgFileDirectory] = directory;
  }

  std::vector<uint8_t>& directory() { return items_.at(kFwCfgFileDirectory); }

  uint32_t In(uint16_t, unsigned) override { return 0x554d4551; }
  void Out(uint16_t port, unsigned, uint32_t value) override {
    if (port == 0x518) RunDma(__builtin_bswap32(value));
  }
  CpuidResult Cpuid(uint32_t, uint32_t) override { return {}; }
  uint64_t ReadMsr(uint32_t) override { return 0; }
  void WriteMsr(uint32_t, uint64_t) override {}
  void Vmgexit() override {}
  PvalidateResult Pvalidate(uint64_t, bool, bool) override { return {}; }
  void EvictPage(uint64_t) override {}
  void Tdcall(TdcallRegisters&) override {}
  void FlushTlb() override {}
  void AllowSse(bool) override {}
  void OpenApGate() override {}
  void Halt() override {}

 private:
  void RunDma(uint64_t block) {
    const uint32_t control = __builtin_bswap32(guest_.Load<uint32_t>(block));
    const uint32_t length = __builtin_bswap32(guest_.Load<uint32_t>(block + 4));
    const uint64_t address = __builtin_bswap64(guest_.Load<uint64_t>(block + 8));
    SEALVM_FUZZ_CHECK(address >= SHARED_BASE && address + length <= SHARED_END);
    if ((control & 8) != 0) {
      selected_ = static_cast<uint16_t>(control >> 16);
      offset_ = 0;
    }
    const std::vector<uint8_t>& item = items_[selected_];
    const uint64_t left = item.size() - std::min<uint64_t>(offset_, item.size());
    const uint64_t there = std::min<uint64_t>(length, left);
    if (there != 0) memcpy(guest_.At(address), item.data() + offset_, there);
    memset(guest_.At(address + there), 0, length - there);
    offset_ += length;
    guest_.Store<uint32_t>(block, 0);
  }

  const GuestMemory guest_;
  std::map<uint16_t, std::vector<uint8_t>> items_;
  uint16_t selected_ = 0;
  uint64_t offset_ = 0;
};

void ChangeBytes(FuzzInput& input, std::vector<uint8_t>& bytes) {
  for (unsigned left = input.TakeByte() % 8; left > 0 && !bytes.empty(); --left) {
    bytes[input.TakeNumber(2) % bytes.size()] = input.TakeByte();
  }
}

// The machine has 32 MiB, so that sizes that lie do not cost seconds.
TestFwCfg MakeMachine(FuzzInput& input, const std::vector<uint8_t>& kernel) {
  TestFwCfg fw_cfg;
  AddE820(fw_cfg, {{.base = 0, .size = 32 * kOneMiB}});
  AddAcpi(fw_cfg);
  AddBootFiles(fw_cfg, kernel, std::vector<uint8_t>(5000, 1), "console=ttyS0");
  for (auto& [key, bytes] : fw_cfg.items) ChangeBytes(input, bytes);
  // The host's numbers may be any, of machines of this size.
  for (uint64_t at = 8; at < fw_cfg.items[fw_cfg.files["etc/e820"]].size(); at += 20) {
    auto& e820 = fw_cfg.items[fw_cfg.files["etc/e820"]];
    e820[at + 3] = static_cast<uint8_t>(e820[at + 3] % 4);
  }
  return fw_cfg;
}

void TryBoot(FuzzInput& input, const FencedMemory& memory) {
  memory.Clear();
  const std::vector<uint8_t> kernel = MakeBzImage(4096);
  std::vector<uint8_t> hashes(kSmallPage);
  const bool verified = (input.TakeByte() & 1) != 0;
  if (verified) hashes = MakeHashPage(kernel, std::vector<uint8_t>(5000, 1), "console=ttyS0");
  FuzzHost host(memory, MakeMachine(input, kernel));
  ChangeBytes(input, host.directory());
  NoIsolation isolation(host);
  uint64_t entry = 0;
  const Failure failure = Boot(
      {.kind = IsolationKind::kNone, .ram_end = uint64_t{1} << 47, .image_hashes = hashes.data()},
      host, isolation, memory.guest(), &entry);
  if (failure != Failure::kNone) return;
  // Whatever the host did, what was measured is what is entered.
  const uint64_t address = entry - 0x200;
  SEALVM_FUZZ_CHECK(address >= kOneMiB);
  if (!verified) return;
  SEALVM_FUZZ_CHECK(memcmp(memory.guest().At(address), kernel.data() + kTestSetupSize,
                           kernel.size() - kTestSetupSize) == 0);
  SEALVM_FUZZ_CHECK(memcmp(memory.guest().At(CMDLINE), "console=ttyS0", 14) == 0);
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
