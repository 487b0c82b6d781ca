// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_LAYOUT_H_
#define SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_LAYOUT_H_

// Numbers that the probe's assembly and C++ share; hence macros. C++ uses the constants of
// guest-fw/micro/private_probe_image.h.
#define PRIVATE_PROBE_PORT 0xf4
#define PRIVATE_PROBE_STORE 1
#define PRIVATE_PROBE_LOAD 2
#define PRIVATE_PROBE_EXECUTE 3
#define PRIVATE_PROBE_CPUID 4
#define PRIVATE_PROBE_MSR 5
#define PRIVATE_PROBE_CONTROL_REGISTER 6
#define PRIVATE_PROBE_HALT 7
#define PRIVATE_PROBE_WRONG_VALUE 0xee

#endif  // SEALVM_GUEST_FW_MICRO_PRIVATE_PROBE_LAYOUT_H_
