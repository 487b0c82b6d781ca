// SPDX-License-Identifier: Apache-2.0
#include "tests/model/tdx_model.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

namespace sealvm::model {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kChunk = 256;  // of one TDH.MR.EXTEND
constexpr uint32_t kTscUnit = 25'000;
constexpr uint32_t kLeafExtendedState = 0xd;
constexpr uint32_t kLeafAddressSizes = 0x80000008;
constexpr uint64_t kApicBusCycle = 40;
// Bits of XFAM that belong to XCR0; the others are IA32_XSS's.
constexpr uint64_t kXcr0 = 0x602ff;

// TDX_OPERAND_INVALID (TDX Module ABI, "Completion Status Codes").
constexpr uint64_t kOperandInvalid = 0xc000010000000000;

template <typename T>
T& DataOf(const kvm_tdx_cmd& command) {
  return *reinterpret_cast<T*>(command.data);
}

int ModuleRefuses(kvm_tdx_cmd& command, uint64_t status) {
  command.hw_error = status;
  return EINVAL;
}

// What the module shows of these leaves whatever it is asked for: a guest of TDX, with an x2APIC.
constexpr kvm_cpuid_entry2 kTdLeaf = {.function = 0x21,
                                      .index = 0,
                                      .flags = 0,
                                      .eax = 0,
                                      .ebx = 0x65746e49,
                                      .ecx = 0x20202020,
                                      .edx = 0x5844546c,
                                      .padding = {}};
constexpr uint32_t kX2Apic = 1u << 21;  // leaf 1, ECX

// As KVM looks for one: an entry without the flag is that of every subleaf.
const kvm_cpuid_entry2* FindEntry(std::span<const kvm_cpuid_entry2> cpuid, uint32_t function,
                                  uint32_t index) {
  const auto found = std::ranges::find_if(cpuid, [&](const kvm_cpuid_entry2& entry) {
    const bool any = (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) == 0;
    return entry.function == function && (any || entry.index == index);
  });
  return found == cpuid.end() ? nullptr : &*found;
}

bool HasX2Apic(std::span<const kvm_cpuid_entry2> cpuid) {
  const kvm_cpuid_entry2* const leaf = FindEntry(cpuid, 1, 0);
  return leaf != nullptr && (leaf->ecx & kX2Apic) != 0;
}

}  // namespace

// MRTD: each TDH.MEM.PAGE.ADD and each TDH.MR.EXTEND hashes a buffer of 128 bytes with the
// function's name at 0 and the GPA at 16; the latter the 256 bytes as well.
class TdxModel::Measurement {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_MD_CTX, Free>;

 public:
  Measurement() : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_sha384(), nullptr);
  }

  void Add(uint64_t gpa) { Operation("MEM.PAGE.ADD", gpa); }
  void Extend(uint64_t gpa, const uint8_t* chunk) {
    Operation("MR.EXTEND", gpa);
    EVP_DigestUpdate(context_.get(), chunk, kChunk);
  }
  Sha384 Get() const {
    const Context copy(EVP_MD_CTX_new());
    EVP_MD_CTX_copy_ex(copy.get(), context_.get());
    Sha384 digest;
    EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr);
    return digest;
  }

 private:
  void Operation(std::string_view name, uint64_t gpa) {
    std::array<uint8_t, 128> buffer = {};
    memcpy(buffer.data(), name.data(), name.size());
    memcpy(&buffer[16], &gpa, sizeof(gpa));
    EVP_DigestUpdate(context_.get(), buffer.data(), buffer.size());
  }

  Context context_;
};

TdxModel::TdxModel(VmModel& vm) : vm_(vm), mrtd_(std::make_unique<Measurement>()) {}
TdxModel::~TdxModel() = default;

int TdxModel::VmCommand(kvm_tdx_cmd& command) {
  if (command.hw_error != 0) return EINVAL;
  switch (command.id) {
    case KVM_TDX_CAPABILITIES:
      return Capabilities(command);
    case KVM_TDX_INIT_VM:
      return InitVm(command);
    case KVM_TDX_FINALIZE_VM:
      return Finalize(command);
    default:
      return EINVAL;
  }
}

int TdxModel::VcpuCommand(VcpuModel& vcpu, kvm_tdx_cmd& command) {
  // Not before a TD is there and not after it is complete.
  if (command.hw_error != 0 || state_ != State::kInitialized) return EINVAL;
  switch (command.id) {
    case KVM_TDX_INIT_VCPU:
      return InitVcpu(vcpu, command);
    case KVM_TDX_INIT_MEM_REGION:
      return InitMemRegion(vcpu, command);
    case KVM_TDX_GET_CPUID:
      return GetCpuid(command);
    default:
      return EINVAL;
  }
}

int TdxModel::Capabilities(const kvm_tdx_cmd& command) const {
  if (command.flags != 0) return EINVAL;
  auto& answer = DataOf<kvm_tdx_capabilities>(command);
  const std::vector<kvm_cpuid_entry2>& cpuid = vm_.host.td_cpuid;
  const bool fits = answer.cpuid.nent >= cpuid.size();
  answer.cpuid.nent = static_cast<uint32_t>(cpuid.size());
  if (!fits) return E2BIG;
  answer.supported_attrs = vm_.host.td_attributes;
  answer.supported_xfam = vm_.host.td_xfam;
  std::ranges::copy(cpuid, answer.cpuid.entries);
  return 0;
}

int TdxModel::InitVm(kvm_tdx_cmd& command) {
  if (state_ != State::kUninitialized || command.flags != 0) return EINVAL;
  const auto& init = DataOf<kvm_tdx_init_vm>(command);
  if (init.cpuid.nent > 256) return E2BIG;
  const auto is_set = [](uint64_t word) { return word != 0; };
  if (std::ranges::any_of(init.reserved, is_set) || init.cpuid.padding != 0) return EINVAL;
  if (!vm_.vcpus.empty()) return EBUSY;
  if ((init.attributes & ~vm_.host.td_attributes) != 0) return EINVAL;
  if ((init.xfam & ~vm_.host.td_xfam) != 0) return EINVAL;
  if (busy > 0) {
    --busy;
    return EAGAIN;
  }
  const std::vector<kvm_cpuid_entry2> cpuid(init.cpuid.entries,
                                            init.cpuid.entries + init.cpuid.nent);
  const kvm_cpuid_entry2* const sizes = FindEntry(cpuid, kLeafAddressSizes, 0);
  const uint64_t address_bits = sizes == nullptr ? 0 : sizes->eax >> 16 & 0xff;
  if (address_bits != 48 && address_bits != 52) return EINVAL;
  size_t copied = 0;
  bool more = false;
  for (const kvm_cpuid_entry2& mask : vm_.host.td_cpuid) {
    const kvm_cpuid_entry2* const entry = FindEntry(cpuid, mask.function, mask.index);
    if (entry == nullptr) continue;
    ++copied;
    more |= (entry->eax & ~mask.eax) != 0 || (entry->ebx & ~mask.ebx) != 0 ||
            (entry->ecx & ~mask.ecx) != 0 || (entry->edx & ~mask.edx) != 0;
  }
  if (copied != cpuid.size()) return EINVAL;  // KVM has no place for some
  if (more) return ModuleRefuses(command, kOperandInvalid);
  // KVM rounds down to what the module counts in (TD_PARAMS.TSC_FREQUENCY: 100 MHz to 10 GHz).
  const uint32_t units = vm_.tsc_khz / kTscUnit;
  if (units < 4 || units > 400) return ModuleRefuses(command, kOperandInvalid);
  tsc_khz_ = units * kTscUnit;
  address_bits_ = address_bits;
  memcpy(&init_, &init, sizeof(init_));
  asked_cpuid_ = cpuid;
  cpuid_ = cpuid;
  for (kvm_cpuid_entry2& entry : cpuid_) {
    if (entry.function == 1) entry.ecx |= kX2Apic;
  }
  cpuid_.push_back(kTdLeaf);
  state_ = State::kInitialized;
  return 0;
}

int TdxModel::CheckNewVcpu() const {
  if (state_ != State::kInitialized) return EIO;
  return vm_.split_irqchip ? 0 : EINVAL;
}

int TdxModel::InitVcpu(VcpuModel& vcpu, const kvm_tdx_cmd& command) {
  if (vcpu.td_initialized || command.flags != 0) return EINVAL;
  // KVM puts the APIC into x2APIC mode, which it takes from KVM_SET_CPUID2 that there is.
  if (!HasX2Apic(vcpu.cpuid)) return EINVAL;
  vcpu.td_initialized = true;
  vcpu.td_rcx = command.data;
  return 0;
}

int TdxModel::InitMemRegion(const VcpuModel& vcpu, const kvm_tdx_cmd& command) {
  if (!vcpu.td_initialized) return EINVAL;
  if ((command.flags & ~uint32_t{KVM_TDX_MEASURE_MEMORY_REGION}) != 0) return EINVAL;
  auto& region = DataOf<kvm_tdx_init_mem_region>(command);
  if (region.source_addr == 0 || region.source_addr % kPage != 0) return EINVAL;
  if (region.gpa % kPage != 0 || region.nr_pages == 0) return EINVAL;
  const uint64_t size = region.nr_pages * kPage;
  const uint64_t shared_bit = uint64_t{1} << (address_bits_ - 1);
  if (size / kPage != region.nr_pages || region.gpa + size < region.gpa) return EINVAL;
  if (region.gpa + size > shared_bit || !vm_.InPrivateSlot(region.gpa, size)) return EINVAL;
  const bool measure = (command.flags & KVM_TDX_MEASURE_MEMORY_REGION) != 0;
  uint64_t done = 0;
  while (region.nr_pages > 0) {
    if (pages_per_call > 0 && done++ == pages_per_call) return EAGAIN;
    const int err =
        AddPage(region.gpa, reinterpret_cast<const uint8_t*>(region.source_addr), measure);
    if (err != 0) return err;
    region.source_addr += kPage;
    region.gpa += kPage;
    --region.nr_pages;
  }
  return 0;
}

int TdxModel::AddPage(uint64_t gpa, const uint8_t* source, bool measure) {
  if (!vm_.private_pages.Contains(gpa, gpa + kPage)) return EINVAL;
  if (pages_.contains(gpa)) return EEXIST;  // guest_memfd knows it already
  pages_[gpa].assign(source, source + kPage);
  mrtd_->Add(gpa);
  if (!measure) return 0;
  for (uint64_t offset = 0; offset < kPage; offset += kChunk) {
    mrtd_->Extend(gpa + offset, source + offset);
  }
  return 0;
}

int TdxModel::Finalize(kvm_tdx_cmd& command) {
  if (state_ != State::kInitialized || command.flags != 0) return EINVAL;
  if (busy > 0) {
    --busy;
    return EBUSY;
  }
  state_ = State::kRunnable;
  return 0;
}

// The module shows the extended state that XFAM lets a TD have.
int TdxModel::GetCpuid(const kvm_tdx_cmd& command) const {
  std::vector<kvm_cpuid_entry2> shown = cpuid_;
  kvm_cpuid_entry2& state = shown.emplace_back();
  state.function = kLeafExtendedState;
  state.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
  state.eax = static_cast<uint32_t>(init_.xfam & kXcr0);
  auto& answer = DataOf<kvm_cpuid2>(command);
  const bool fits = answer.nent >= shown.size();
  answer.nent = static_cast<uint32_t>(shown.size());
  if (!fits) return E2BIG;
  std::ranges::copy(shown, answer.entries);
  return 0;
}

// Linux wants the timer of its APIC to run at the crystal's frequency, which it reads in CPUID, and
// KVM's timers go by the TSC frequency that KVM was told.
int TdxModel::CheckRun(const VcpuModel& vcpu) const {
  const bool runs = state_ == State::kRunnable && vcpu.td_initialized && !vcpu.cpuid.empty() &&
                    vm_.apic_bus_cycle_ns == kApicBusCycle && vm_.tsc_khz == tsc_khz_;
  return runs ? 0 : EINVAL;
}

Sha384 TdxModel::Mrtd() const { return mrtd_->Get(); }

std::vector<uint8_t> TdxModel::PageAt(uint64_t gpa) const {
  const auto page = pages_.find(gpa);
  return page == pages_.end() ? std::vector<uint8_t>() : page->second;
}

}  // namespace sealvm::model
