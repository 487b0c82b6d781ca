// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_CHECKS_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_CHECKS_H_

#include <string>
#include <utility>
#include <vector>

#include "vmm/api/config.h"
#include "vmm/api/doctor.h"
#include "vmm/isolation/confidential/host_source.h"
#include "vmm/kvm/sev_device.h"

// The pieces of HostSupport.
namespace sealvm::internal {

inline Prerequisite IsMet(std::string name, std::string found) {
  return {.name = std::move(name), .met = Met::kYes, .found = std::move(found), .advice = {}};
}

inline Prerequisite IsUnknown(std::string name, std::string found) {
  return {.name = std::move(name), .met = Met::kUnknown, .found = std::move(found), .advice = {}};
}

inline Prerequisite IsMissing(Obstacle obstacle, std::string name, std::string found,
                              std::string advice) {
  return {.name = std::move(name),
          .met = Met::kNo,
          .found = std::move(found),
          .advice = std::move(advice),
          .obstacle = obstacle};
}

// CPU and BIOS.
std::vector<Prerequisite> ExamineAmdCpu(IsolationMode mode, const HostSource& host);
Prerequisite ExamineIntelCpu(const HostSource& host);
// Only a kernel with the options for it can tell.
Prerequisite ExamineTdxPlatform(const HostFiles& files);

// The module that runs TDs; `kvm` is the prerequisite of KVM's VM type for them, which is there
// once the module was initialized.
Prerequisite ExamineTdxModule(const HostFiles& files, Met kvm);

// Release, options and module parameter of the kernel.
std::vector<Prerequisite> ExamineKernel(IsolationMode mode, const HostFiles& files);

// /dev/sev, of Open().
Prerequisite ExamineSevDevice(const Result<kvm::SevDevice>& device, const HostFiles& files);
// Its firmware's version.
Prerequisite ExamineSevFirmware(IsolationMode mode, const Result<kvm::SevDevice>& device);
// How many guests the CPU has keys for.
Prerequisite ExamineAsids(IsolationMode mode, const HostSource& host);
Prerequisite ExamineKeyIds(const HostFiles& files);

}  // namespace sealvm::internal

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_HOST_CHECKS_H_
