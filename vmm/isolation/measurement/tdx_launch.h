// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_TDX_LAUNCH_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_TDX_LAUNCH_H_

#include <optional>
#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware/tdx_metadata.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/measurement/kernel_hashes.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/measurement/measured_step.h"

namespace sealvm {

// In which order a VMM adds pages to a TD and extends MRTD with them; the digest depends on it.
//   kOnePass: each page is extended right after it was added: Linux 6.16 and later
//   kTwoPass: all pages of a section are added, then all are extended: VMMs on kernels of vendors
//             before that
enum class MrtdOrder { kOnePass, kTwoPass };

// "one-pass", "two-pass".
std::string_view MrtdOrderName(MrtdOrder order);
Result<MrtdOrder> ParseMrtdOrder(std::string_view name);

// What who gives a TD's other firmware a kernel has to know.
inline constexpr std::string_view kMrtdLacksKernel =
    "MRTD does not hold --kernel, --initrd and --cmdline: the firmware measures what it loads into "
    "RTMR1 and RTMR2";

// The launch of a TD: the sections that are there from the start, in the order of the metadata.
// `td_hob` becomes the content of the TD_HOB section, which is not measured; empty for a digest
// alone. `hashes` becomes part of the image, and so of MRTD, in the page that guest-fw has for it;
// other firmware has none and measures what it loads into RTMRs. kInvalidInput when the firmware
// cannot be launched so.
Result<LaunchPlan> PlanTdxLaunch(const FirmwareImage& image, const TdxMetadata& metadata,
                                 std::span<const uint8_t> td_hob = {},
                                 const std::optional<KernelHashTable>& hashes = {});

// MRTD: SHA-384 over what TDH.MEM.PAGE.ADD and TDH.MR.EXTEND hash (Intel TDX module base
// architecture specification, "Build-Time Measurement Register").
Sha384Digest Mrtd(const LaunchPlan& plan, MrtdOrder order = MrtdOrder::kOnePass,
                  const StepObserver& observer = {});

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_TDX_LAUNCH_H_
