// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_SIGNAL_BLOCKER_H_
#define SEALVM_MEMORY_BASE_SIGNAL_BLOCKER_H_

#include <signal.h>

namespace sealvm {

// Blocks signals in this thread while it lives. A thread started meanwhile has them blocked for
// ever. (pthread_attr_setsigmask_np would do for that, but sanitizers' run-times override it.)
class SignalBlocker {
 public:
  explicit SignalBlocker(const sigset_t& signals) {
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  SignalBlocker(const SignalBlocker&) = delete;
  SignalBlocker& operator=(const SignalBlocker&) = delete;
  ~SignalBlocker() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  // The thread's mask without this object.
  const sigset_t& before() const { return before_; }

  static sigset_t All() {
    sigset_t all;
    sigfillset(&all);
    return all;
  }

 private:
  sigset_t before_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_SIGNAL_BLOCKER_H_
