// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/failure.h"

namespace sealvm::measured {

const char* FailureText(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return "nothing is wrong";
    case Failure::kGhcbVersion:
      return "the hypervisor has no version 2 of the GHCB protocol";
    case Failure::kNoSnpFeature:
      return "the hypervisor does not say that it supports SNP";
    case Failure::kCBit:
      return "the hypervisor names another C-bit than 51";
    case Failure::kHypervisorAnswer:
      return "the hypervisor's answer breaks the protocol";
    case Failure::kPageState:
      return "the hypervisor did not change pages' state";
    case Failure::kValidation:
      return "a page cannot be validated";
    case Failure::kAlreadyValidated:
      return "a page was validated twice: it was replaced";
    case Failure::kCpuidPage:
      return "the CPUID page is not to be believed";
    case Failure::kTdCall:
      return "the TDX module refuses a call";
    case Failure::kAddressWidth:
      return "the width of addresses is not what TDX knows";
    case Failure::kMapGpa:
      return "the hypervisor did not map pages";
    case Failure::kAccept:
      return "a page cannot be accepted";
    case Failure::kAlreadyAccepted:
      return "a page was accepted twice: the map of RAM lies";
    case Failure::kTdHob:
      return "the TD HOB is malformed";
    case Failure::kMemoryMap:
      return "the map of RAM is malformed, or there is too little";
    case Failure::kNoFwCfg:
      return "there is no fw_cfg with DMA";
    case Failure::kFwCfgTransfer:
      return "fw_cfg failed to deliver an item";
    case Failure::kFwCfgFile:
      return "a file of fw_cfg is missing or of a wrong size";
    case Failure::kAcpiScript:
      return "the ACPI loader script is malformed";
    case Failure::kAcpiMemory:
      return "the ACPI tables do not fit into their memory";
    case Failure::kAcpiTables:
      return "the ACPI tables are malformed";
    case Failure::kNoKernel:
      return "there is no kernel in fw_cfg: give --kernel";
    case Failure::kKernelHeader:
      return "the kernel is no bzImage with a 64-bit entry";
    case Failure::kKernelSize:
      return "the kernel's size is wrong, or RAM too small for it";
    case Failure::kInitrdSize:
      return "the initrd does not fit into RAM";
    case Failure::kCmdlineSize:
      return "the command line is too long or has no end";
    case Failure::kNoHashes:
      return "there is no kernel hash table: nothing is trusted";
    case Failure::kHashTable:
      return "the kernel hash table is malformed or not complete";
    case Failure::kKernelMismatch:
      return "the kernel is not the one that was measured";
    case Failure::kInitrdMismatch:
      return "the initrd is not the one that was measured";
    case Failure::kCmdlineMismatch:
      return "the command line is not the one that was measured";
  }
  return "an unknown failure";
}

}  // namespace sealvm::measured
