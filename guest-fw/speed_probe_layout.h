// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_SPEED_PROBE_LAYOUT_H_
#define SEALVM_GUEST_FW_SPEED_PROBE_LAYOUT_H_

// Numbers that the speed probe's assembly and C++ share; hence macros. C++ uses the constants of
// guest-fw/speed_probe_image.h.
#define SPEED_PROBE_PORT 0xf4
#define SPEED_PROBE_STARTED 1
#define SPEED_PROBE_FINISHED 2
#define SPEED_PROBE_LOOP_INSTRUCTIONS 2

#endif  // SEALVM_GUEST_FW_SPEED_PROBE_LAYOUT_H_
