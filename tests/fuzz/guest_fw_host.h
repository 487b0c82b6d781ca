// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_FUZZ_GUEST_FW_HOST_H_
#define SEALVM_TESTS_FUZZ_GUEST_FW_HOST_H_

#include <stdint.h>

#include <map>
#include <optional>
#include <vector>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/isolation.h"
#include "guest-fw/measured/testing_host.h"
#include "guest-fw/measured/testing_page_set.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm::measured {

// 4 GiB of guest memory, most of it behind a fence: whoever touches what is not its own dies.
class FencedMemory {
 public:
  FencedMemory();
  FencedMemory(const FencedMemory&) = delete;
  FencedMemory& operator=(const FencedMemory&) = delete;

  GuestMemory guest() const { return GuestMemory(reinterpret_cast<uintptr_t>(base_)); }
  // Zeroes all and opens what a guest of this kind may touch from its start: without isolation all
  // RAM, else what the launch made private and the shared window. Never the stack.
  void Reset(IsolationKind kind) const;
  void Allow(uint64_t begin, uint64_t end) const;

 private:
  uint8_t* base_;
};

// Serves fw_cfg by DMA, and is a hypervisor with SNP, or a TDX module with its hypervisor. It
// answers by the rules but for the lies that the input has; and does not tire of a guest before
// some ten thousand answers. It dies of a guest that
// - makes a page private that is private already by its own doing, or shared;
// - shares a page that is private, or another one than those of the window;
// - asks for what the rules do not know.
class FuzzHost final : public Cpu {
 public:
  struct Lie {
    uint16_t after = 0;  // answers by the rules
    uint8_t kind = 0;
    uint64_t value = 0;
  };
  static std::vector<Lie> TakeLies(FuzzInput& input);

  FuzzHost(IsolationKind kind, const FencedMemory& memory, const TestFwCfg& fw_cfg,
           std::vector<Lie> lies);

  std::vector<uint8_t>& directory();

  // Whether the guest has made all of the pages private.
  bool IsPrivate(uint64_t address, uint64_t size) const;
  // Whether the guest has taken the whole window back, as far as the host has let it know.
  bool WindowIsClosed() const { return tampered_ || shared_.empty(); }

  uint32_t In(uint16_t port, unsigned width) override;
  void Out(uint16_t port, unsigned width, uint32_t value) override;
  CpuidResult Cpuid(uint32_t, uint32_t) override { return {}; }
  uint64_t ReadMsr(uint32_t msr) override;
  void WriteMsr(uint32_t msr, uint64_t value) override;
  void Vmgexit() override;
  PvalidateResult Pvalidate(uint64_t address, bool large, bool validate) override;
  void EvictPage(uint64_t address) override;
  void Tdcall(TdcallRegisters& registers) override;
  void FlushTlb() override {}
  void AllowSse(bool) override {}
  void OpenApGate() override {}
  void Halt() override {}

 private:
  // The lie that is due with this answer.
  std::optional<Lie> NextLie();
  bool IsTired() { return ++answers_ > kPatience; }

  void RunDma(uint64_t block);
  void AnswerMsr();
  void AnswerGhcb(uint64_t page);
  void ChangeStates(uint64_t buffer);
  void TellSnp(const Lie& lie);
  void AnswerVmcall(TdcallRegisters& registers);
  void AcceptPage(TdcallRegisters& registers);
  // Changes a word of the window.
  void Scribble(uint64_t value);
  void SetShared(uint64_t first, uint64_t count, bool shared);
  // A page becomes the guest's own.
  void MakePrivate(uint64_t gpa, bool large);
  uint64_t PhysicalOf(uint64_t address) const;

  static constexpr uint64_t kPatience = 20'000;

  const IsolationKind kind_;
  const FencedMemory& memory_;
  const GuestMemory guest_;
  std::map<uint16_t, std::vector<uint8_t>> items_;
  uint16_t selected_ = 0;
  uint64_t offset_ = 0;
  std::vector<Lie> lies_;  // the next one is the last
  uint64_t answers_ = 0;
  bool tampered_ = false;  // what is in the window need not be the guest's
  uint64_t msr_ = 0;
  PageSet private_;
  PageSet shared_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_TESTS_FUZZ_GUEST_FW_HOST_H_
