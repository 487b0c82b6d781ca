// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_SHARED_INTERRUPT_LINE_H_
#define SEALVM_DEVICES_SHARED_INTERRUPT_LINE_H_

#include <memory>
#include <mutex>

#include "devices/interrupt_line.h"

namespace sealvm {

// A level-triggered input that several devices pull: it is asserted while one of them asserts it.
// Thread-safe; the line underneath outlives the object and all inputs.
class SharedInterruptLine {
 public:
  explicit SharedInterruptLine(InterruptLine& line) : line_(line) {}
  SharedInterruptLine(const SharedInterruptLine&) = delete;
  SharedInterruptLine& operator=(const SharedInterruptLine&) = delete;

  // One device's end of it; this object outlives it.
  std::unique_ptr<InterruptLine> NewInput() { return std::make_unique<Input>(*this); }

 private:
  class Input : public InterruptLine {
   public:
    explicit Input(SharedInterruptLine& shared) : shared_(shared) {}
    void SetLevel(bool asserted) override {
      const std::lock_guard lock(shared_.mutex_);
      if (asserted == asserted_) return;
      asserted_ = asserted;
      shared_.asserting_ += asserted ? 1 : -1;
      shared_.line_.SetLevel(shared_.asserting_ > 0);
    }

   private:
    SharedInterruptLine& shared_;
    bool asserted_ = false;  // guarded by shared_.mutex_
  };

  InterruptLine& line_;
  std::mutex mutex_;
  int asserting_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_SHARED_INTERRUPT_LINE_H_
