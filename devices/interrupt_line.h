// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_INTERRUPT_LINE_H_
#define SEALVM_DEVICES_INTERRUPT_LINE_H_

namespace sealvm {

// One interrupt input of the guest's interrupt controller, as a device sees it. Thread-safe.
class InterruptLine {
 public:
  virtual ~InterruptLine() = default;

  // Sets the level of the line. A rising edge triggers an edge-triggered input; setting a level
  // that is already set has no effect.
  virtual void SetLevel(bool asserted) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_INTERRUPT_LINE_H_
