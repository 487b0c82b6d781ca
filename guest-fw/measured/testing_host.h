// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_TESTING_HOST_H_
#define SEALVM_GUEST_FW_MEASURED_TESTING_HOST_H_

#include <stdint.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/testing_page_set.h"

namespace sealvm::measured {

// Guest memory below 2 GiB, zero where it was not written.
class TestMemory {
 public:
  static constexpr uint64_t kSize = uint64_t{2} << 30;

  TestMemory();
  ~TestMemory();
  TestMemory(const TestMemory&) = delete;
  TestMemory& operator=(const TestMemory&) = delete;

  GuestMemory guest() const { return GuestMemory(reinterpret_cast<uintptr_t>(base_)); }
  std::vector<uint8_t> Bytes(uint64_t address, uint64_t size) const;
  void Write(uint64_t address, const std::vector<uint8_t>& bytes) const;

 private:
  void* base_;
};

// What the VMM of a guest has in fw_cfg. Keys from 0x20 on are files.
struct TestFwCfg {
  std::map<uint16_t, std::vector<uint8_t>> items;
  // By name: the key. In the directory with their sizes, unless those are lied about.
  std::map<std::string, uint16_t> files;
  std::map<std::string, uint32_t> false_sizes;
  std::optional<uint32_t> false_file_count;
  bool present = true;
  bool fails = false;

  void AddFile(const std::string& name, std::vector<uint8_t> bytes);
  void AddNumber(uint16_t key, uint32_t value);
  // The item that lists the files.
  std::vector<uint8_t> Directory() const;
};

// The hypervisor and the hardware as the firmware meets them: ports; under SNP the GHCB, page
// states and PVALIDATE; in a TD TDCALL. Keeps to the specifications unless a test wants otherwise.
// It checks what it can: DMA goes to pages that are shared, pages are validated after they were
// assigned.
class TestHost final : public Cpu {
 public:
  enum class Kind { kNone, kSnp, kTdx };

  TestHost(Kind kind, const TestMemory& memory) : kind_(kind), memory_(memory) {}

  TestFwCfg fw_cfg;
  // Called before every access to a port: a host that changes what the guest may have read.
  std::function<void()> before_io;
  std::string console;  // what came through the serial port
  std::vector<uint8_t> pvpanic;
  bool halted = false;
  std::map<uint32_t, CpuidResult> cpuid;

  // SNP.
  uint64_t sev_info = uint64_t{2} << 48 | uint64_t{1} << 32 | uint64_t{51} << 24 | 1;
  uint64_t features = 0x1081;
  std::set<uint64_t> small_backing;  // frames of 2 MiB that have small pages in the RMP
  PageSet validated;
  PageSet shared;
  std::optional<uint32_t> pvalidate_status;
  // What the host makes of the answer to a page state change: header and result.
  std::function<void(uint64_t buffer, uint64_t* result)> on_page_state;
  uint64_t psc_step = 253;  // entries that it does at a time
  uint32_t io_error = 0;    // low half of the GHCB's answer
  uint64_t registered = 0;
  std::optional<uint64_t> false_msr_answer;  // to whatever comes next
  std::optional<uint64_t> terminated;        // the MSR

  // TDX.
  unsigned gpaw = 48;
  PageSet accepted;
  uint64_t vmcall_status = 0;             // of every call but the fatal error
  uint64_t map_gpa_pages = ~uint64_t{0};  // that it maps at a time, then "retry"
  std::optional<uint64_t> false_next;     // where it says to go on
  uint64_t accept_status = 0;
  bool gate_open = false;
  std::optional<TdcallRegisters> fatal;
  // Both.
  uint64_t flushes = 0;
  uint64_t large_pages = 0;  // validated or accepted as such

  uint32_t In(uint16_t port, unsigned width) override;
  void Out(uint16_t port, unsigned width, uint32_t value) override;
  CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) override;
  uint64_t ReadMsr(uint32_t msr) override;
  void WriteMsr(uint32_t msr, uint64_t value) override;
  void Vmgexit() override;
  PvalidateResult Pvalidate(uint64_t address, bool large, bool validate) override;
  void EvictPage(uint64_t address) override;
  void Tdcall(TdcallRegisters& registers) override;
  void FlushTlb() override { ++flushes; }
  void AllowSse(bool) override {}
  void OpenApGate() override { gate_open = true; }
  void Halt() override { halted = true; }

 private:
  void RunDma(uint64_t block);
  bool IsShared(uint64_t address) const;
  void CallGhcb(uint64_t page);
  void ChangeStates(uint64_t buffer, uint64_t* result);
  uint64_t PhysicalOf(uint64_t address) const;
  void Accept(TdcallRegisters& registers);
  void Vmcall(TdcallRegisters& registers);

  const Kind kind_;
  const TestMemory& memory_;
  uint16_t selected_ = 0;
  uint64_t offset_ = 0;
  uint32_t dma_high_ = 0;
  uint64_t msr_ = 0;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_TESTING_HOST_H_
