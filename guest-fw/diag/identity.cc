// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/identity.h"

#include <string.h>

#include "guest-fw/diag/supervisor.h"
#include "guest-fw/diag/text_buffer.h"

namespace sealvm::diag {
namespace {

// AMD64 APM vol. 3 appendix E.4.17; vol. 2 section 15.34.10.
constexpr uint32_t kEncryptedMemoryLeaf = 0x8000'001f;
constexpr uint32_t kCpuidSev = 1 << 1;  // EAX
constexpr uint32_t kCBitMask = 0x3f;    // EBX
constexpr uint32_t kSevStatusMsr = 0xc001'0131;

// Intel TDX Module Base Architecture Specification, "CPUID virtualization": leaf 0x21.
constexpr uint32_t kTdxLeaf = 0x21;
constexpr std::string_view kTdxVendor = "IntelTDX    ";

constexpr uint32_t kHypervisorLeaf = 0x4000'0000;
constexpr uint32_t kHypervisorTimingLeaf = 0x4000'0010;  // EAX: TSC frequency in kHz
constexpr uint32_t kCpuidHypervisor = 1u << 31;          // CPUID 1 ECX
constexpr uint32_t kTscLeaf = 0x15;
constexpr uint32_t kBrandLeaf = 0x8000'0002;

uint32_t MaxLeaf(uint32_t base) { return Cpuid(base).eax; }

// Null-terminated text that may be shorter, without the blanks before it.
std::string_view Trimmed(const char* text, size_t size) {
  while (size > 0 && *text == ' ') {
    ++text;
    --size;
  }
  size_t used = 0;
  while (used < size && text[used] != 0) {
    ++used;
  }
  while (used > 0 && text[used - 1] == ' ') {
    --used;
  }
  return {text, used};
}

}  // namespace

bool IsTdx() {
  if (MaxLeaf(0) < kTdxLeaf) {
    return false;
  }
  const CpuidResult r = Cpuid(kTdxLeaf);
  const uint32_t vendor[] = {r.ebx, r.edx, r.ecx};
  return memcmp(vendor, kTdxVendor.data(), sizeof(vendor)) == 0;
}

SevFace ReadSevFace() {
  SevFace face;
  if (MaxLeaf(0x8000'0000) < kEncryptedMemoryLeaf) {
    return face;
  }
  const CpuidResult leaf = Cpuid(kEncryptedMemoryLeaf);
  uint64_t status = 0;
  if ((leaf.eax & kCpuidSev) != 0 && TryReadMsr(kSevStatusMsr, &status)) {
    face.status = status;
    face.c_bit = leaf.ebx & kCBitMask;
  }
  return face;
}

std::string_view HypervisorText(char (&storage)[16]) {
  if ((Cpuid(1).ecx & kCpuidHypervisor) == 0) {
    return "none announced by CPUID";
  }
  const CpuidResult r = Cpuid(kHypervisorLeaf);
  const uint32_t vendor[] = {r.ebx, r.ecx, r.edx};
  memcpy(storage, vendor, sizeof(vendor));
  return Trimmed(storage, sizeof(vendor));
}

std::string_view ProcessorText(char (&storage)[64]) {
  if (MaxLeaf(0x8000'0000) >= kBrandLeaf + 2) {
    for (uint32_t i = 0; i < 3; ++i) {
      const CpuidResult r = Cpuid(kBrandLeaf + i);
      memcpy(storage + 16 * i, &r, sizeof(r));
    }
    const std::string_view brand = Trimmed(storage, 48);
    if (!brand.empty()) {
      return brand;
    }
  }
  const CpuidResult r = Cpuid(0);
  const uint32_t vendor[] = {r.ebx, r.edx, r.ecx};
  char name[sizeof(vendor)];
  memcpy(name, vendor, sizeof(vendor));
  // Family and model with their extensions: Intel SDM vol. 2A, CPUID, "Version Information".
  const uint32_t version = Cpuid(1).eax;
  return TextBuffer(storage)
      .Text(Trimmed(name, sizeof(name)))
      .Text(" family ")
      .Decimal((version >> 8 & 0xf) + (version >> 20 & 0xff))
      .Text(" model ")
      .Decimal((version >> 4 & 0xf) | (version >> 12 & 0xf0))
      .Text(" stepping ")
      .Decimal(version & 0xf)
      .view();
}

uint64_t TscHertz() {
  const bool hypervisor = (Cpuid(1).ecx & kCpuidHypervisor) != 0;
  if (hypervisor && MaxLeaf(kHypervisorLeaf) >= kHypervisorTimingLeaf) {
    return uint64_t{Cpuid(kHypervisorTimingLeaf).eax} * 1000;
  }
  if (MaxLeaf(0) < kTscLeaf) {
    return 0;
  }
  const CpuidResult r = Cpuid(kTscLeaf);  // EBX / EAX times ECX hertz: Intel SDM vol. 2A, CPUID
  return r.eax == 0 ? 0 : uint64_t{r.ecx} * r.ebx / r.eax;
}

}  // namespace sealvm::diag
