// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/vcpu_reset_state.h"

#include <algorithm>

#include "memory/base/endian.h"
#include "vmm/api/names.h"

namespace sealvm {
namespace {

using internal::NameTable;

constexpr NameTable<VmmType>::Entry kVmmTypeEntries[] = {{VmmType::kQemu, "qemu"},
                                                         {VmmType::kEc2, "ec2"},
                                                         {VmmType::kGce, "gce"},
                                                         {VmmType::kKrun, "krun"}};
constexpr NameTable<VmmType> kVmmTypes(kVmmTypeEntries);

// Segment attributes: present, S, and the type.
constexpr uint16_t kCode = 0x9a;          // execute, read
constexpr uint16_t kCodeAccessed = 0x9b;  //
constexpr uint16_t kData = 0x92;          // read, write
constexpr uint16_t kDataAccessed = 0x93;  //
constexpr uint16_t kLdt = 0x82;           //
constexpr uint16_t kBusyTss16 = 0x83;     //
constexpr uint16_t kBusyTss32 = 0x8b;     //

// What a vCPU without FPU state of its VMM's has, and with it: the reset values of the x87 control
// word and of MXCSR.
constexpr uint16_t kFcw = 0x37f;
constexpr uint32_t kMxcsr = 0x1f80;

// RDX of a KVM vCPU whose registers nobody set.
constexpr uint32_t kKvmDefaultSignature = 0x600;

// Google's hypervisor sets its own PAT.
constexpr uint64_t kGcePat = 0x70106;

// libkrun sets what a kernel that it enters itself would want: the stack and boot_params.
constexpr uint64_t kKrunStack = 0x8ff0;
constexpr uint64_t kKrunBootParams = 0x7000;

// Bits that KVM sets in the VMCB beyond what the VMM asked for: it enables SVM, which VMRUN needs,
// and keeps the host's machine-check enable.
constexpr uint64_t kEferSvme = 1u << 12;
constexpr uint64_t kCr4Mce = 1u << 6;

// Offsets in the save area.
enum Offset : size_t {
  kEs = 0x0,
  kCs = 0x10,
  kSs = 0x20,
  kDs = 0x30,
  kFs = 0x40,
  kGs = 0x50,
  kGdtr = 0x60,
  kLdtr = 0x70,
  kIdtr = 0x80,
  kTr = 0x90,
  kEfer = 0xd0,
  kCr4 = 0x148,
  kCr0 = 0x158,
  kDr7 = 0x160,
  kDr6 = 0x168,
  kRflags = 0x170,
  kRip = 0x178,
  kRsp = 0x1d8,
  kGPat = 0x268,
  kRdx = 0x310,
  kRbp = 0x328,
  kRsi = 0x330,
  kSevFeatures = 0x3b0,
  kXcr0 = 0x3e8,
  kMxcsrField = 0x408,
  kX87Fcw = 0x410,
};

void Put(std::span<uint8_t> page, size_t offset, size_t size, uint64_t value) {
  StoreLeAny(page.subspan(offset, size), value);
}

void PutSegment(std::span<uint8_t> page, size_t offset, const VmcbSegment& segment) {
  Put(page, offset, 2, segment.selector);
  Put(page, offset + 2, 2, segment.attributes);
  Put(page, offset + 4, 4, segment.limit);
  Put(page, offset + 8, 8, segment.base);
}

}  // namespace

std::string_view VmmTypeName(VmmType type) { return kVmmTypes.NameOf(type); }

Result<VmmType> ParseVmmType(std::string_view name) { return kVmmTypes.Parse("VMM type", name); }

VcpuResetState MakeResetState(VmmType type, uint32_t eip, uint32_t signature) {
  const bool boot_processor = eip == kResetVector;
  VcpuResetState state;
  for (VmcbSegment* segment : {&state.es, &state.ds, &state.fs, &state.gs, &state.ss}) {
    segment->attributes = kDataAccessed;
  }
  state.cs = {.selector = 0xf000, .attributes = kCodeAccessed, .base = eip & 0xffff0000};
  state.ldtr.attributes = kLdt;
  state.tr.attributes = kBusyTss32;
  state.rip = eip & 0xffff;
  switch (type) {
    case VmmType::kQemu:
      state.rdx = signature;
      state.fcw = kFcw;
      state.mxcsr = kMxcsr;
      break;
    case VmmType::kEc2:
      // Registers that nobody set: KVM's reset state, whose flags tell whether they were read.
      if (boot_processor) state.cs.attributes = kCode;
      state.ss.attributes = kData;
      state.tr.attributes = kBusyTss16;
      state.rdx = kKvmDefaultSignature;
      break;
    case VmmType::kGce:
      state.pat = kGcePat;
      state.rdx = kKvmDefaultSignature;
      break;
    case VmmType::kKrun:
      state.cs.attributes = kCode;
      state.ss.attributes = kData;
      state.tr.attributes = kBusyTss16;
      if (boot_processor) {
        state.rsp = state.rbp = kKrunStack;
        state.rsi = kKrunBootParams;
      }
      state.fcw = kFcw;
      state.mxcsr = kMxcsr;
      break;
  }
  return state;
}

void BuildVmsa(const VcpuResetState& state, uint64_t sev_features,
               std::span<uint8_t, kPageSize> page) {
  std::ranges::fill(page, 0);
  PutSegment(page, kEs, state.es);
  PutSegment(page, kCs, state.cs);
  PutSegment(page, kSs, state.ss);
  PutSegment(page, kDs, state.ds);
  PutSegment(page, kFs, state.fs);
  PutSegment(page, kGs, state.gs);
  PutSegment(page, kGdtr, state.gdtr);
  PutSegment(page, kLdtr, state.ldtr);
  PutSegment(page, kIdtr, state.idtr);
  PutSegment(page, kTr, state.tr);
  Put(page, kEfer, 8, kEferSvme);
  Put(page, kCr4, 8, kCr4Mce);
  Put(page, kCr0, 8, state.cr0);
  Put(page, kDr7, 8, state.dr7);
  Put(page, kDr6, 8, state.dr6);
  Put(page, kRflags, 8, state.rflags);
  Put(page, kRip, 8, state.rip);
  Put(page, kRsp, 8, state.rsp);
  Put(page, kGPat, 8, state.pat);
  Put(page, kRdx, 8, state.rdx);
  Put(page, kRbp, 8, state.rbp);
  Put(page, kRsi, 8, state.rsi);
  Put(page, kSevFeatures, 8, sev_features);
  Put(page, kXcr0, 8, state.xcr0);
  Put(page, kMxcsrField, 4, state.mxcsr);
  Put(page, kX87Fcw, 2, state.fcw);
}

}  // namespace sealvm
