// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/module_status.h"

#include <fmt/format.h>

#include "vmm/isolation/tdx/module_status_names.h"

namespace sealvm::tdx {
namespace {

// By their numbers.
constexpr std::string_view kClasses[] = {
    "general",         "invalid operand",     "resource busy",
    "page metadata",   "dependent resources", "state of the module",
    "state of the TD", "state of the vCPU",   "key management",
    "platform",        "physical memory",     "guest memory",
    "metadata",        "service TD",          "migration",
};
constexpr uint8_t kClassOperand = 0x01;
constexpr uint8_t kClassBusy = 0x02;
constexpr uint8_t kClassMeasurement = 0x10;
constexpr uint8_t kClassL2 = 0x11;
// Linux, arch/x86/include/asm/tdx.h: not of the module but of the instruction that calls it.
constexpr uint8_t kClassSoftware = 0xff;
constexpr uint32_t kVmFailInvalid = 0xffff0000;
constexpr uint32_t kGeneralProtection = 13;
constexpr uint32_t kInvalidOpcode = 6;

// Set in what Linux makes up when SEAMCALL itself fails.
std::string_view SoftwareError(uint32_t details) {
  switch (details) {
    case kVmFailInvalid:
      return "SEAMCALL_VMFAILINVALID";
    case kGeneralProtection:
      return "SEAMCALL_GP";
    case kInvalidOpcode:
      return "SEAMCALL_UD";
    default:
      return {};
  }
}

// Names of these classes come with an operand.
bool HasOperand(uint8_t status_class) {
  return status_class == kClassOperand || status_class == kClassBusy;
}

std::string_view Advice(const ModuleStatus& status, uint64_t raw) {
  if (status.status_class == kClassSoftware) {
    return "the TDX module is not loaded: see the host's kernel log, kvm_intel.tdx=1 and the BIOS";
  }
  const std::string_view name = ModuleStatusName(raw);
  if (name == "TDX_OPERAND_INVALID") {
    return "compare attributes, XFAM and CPUID with what KVM_TDX_CAPABILITIES offers";
  }
  if (name == "TDX_RND_NO_ENTROPY" || name == "TDX_KEY_GENERATION_FAILED") {
    return "the CPU had no random numbers left: try again";
  }
  if (name == "TDX_HKID_NOT_FREE" || name == "TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED") {
    return "all keys for TDs are in use: end other TDs or give TDX more keys in the BIOS";
  }
  if (name == "TDX_MAX_VCPUS_EXCEEDED") return "use fewer --cpus";
  if (status.status_class == kClassBusy) return "another thread holds it: try again";
  if (status.fatal) return "the TD is lost: start it anew";
  return "see the host's kernel log";
}

}  // namespace

ModuleStatus ParseModuleStatus(uint64_t status) {
  return {.error = (status >> 63 & 1) != 0,
          .non_recoverable = (status >> 62 & 1) != 0,
          .fatal = (status >> 61 & 1) != 0,
          .status_class = static_cast<uint8_t>(status >> 40),
          .name_code = static_cast<uint8_t>(status >> 32),
          .details = static_cast<uint32_t>(status)};
}

std::string_view ModuleStatusName(uint64_t status) {
  const ModuleStatus parsed = ParseModuleStatus(status);
  if (parsed.status_class == kClassSoftware) return SoftwareError(parsed.details);
  return StatusName(static_cast<uint16_t>(status >> 32));
}

std::string ModuleStatusClass(uint8_t status_class) {
  if (status_class < std::size(kClasses)) return std::string(kClasses[status_class]);
  if (status_class == kClassMeasurement) return "measurement and attestation";
  if (status_class == kClassL2) return "nested TDs";
  if (status_class == kClassSoftware) return "SEAMCALL instruction";
  return fmt::format("class {:#x}", status_class);
}

std::string DescribeModuleStatus(uint64_t status) {
  const ModuleStatus parsed = ParseModuleStatus(status);
  std::string_view name = ModuleStatusName(status);
  if (name.empty()) name = "unknown status";
  std::string text =
      fmt::format("{} ({:#x}: {}", name, status, ModuleStatusClass(parsed.status_class));
  if (HasOperand(parsed.status_class)) {
    const std::string_view operand = OperandName(parsed.details);
    text += operand.empty() ? fmt::format(", operand {:#x}", parsed.details)
                            : fmt::format(", {}", operand);
  }
  if (parsed.fatal) text += ", fatal";
  return text + ")";
}

std::unexpected<Error> ModuleError(std::string_view command, uint64_t status, int os_error) {
  if (status == 0) return SystemError("ioctl", command, os_error);
  auto error = HostError(fmt::format("{}: TDX module: {}", command, DescribeModuleStatus(status)),
                         std::string(Advice(ParseModuleStatus(status), status)));
  error.error().os_error = os_error;
  return error;
}

}  // namespace sealvm::tdx
