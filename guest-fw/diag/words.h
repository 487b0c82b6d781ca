// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_WORDS_H_
#define SEALVM_GUEST_FW_DIAG_WORDS_H_

#include <stdint.h>

#include <string_view>

namespace sealvm::diag {

// What the command line's words ask the diagnostic guest to do; guest-fw/README.md lists them.
enum class Task {
  kReport,       // no word
  kQuickReport,  // diag=quick
  kSpin,         // diag=spin
  kTripleFault,  // diag=triple-fault
  kPanic,        // diag=panic
  kExit,         // diag=exit:N
  kGarbage,      // diag=garbage
  kGarbageAll,   // diag=garbage-all
  kEcho,         // diag=echo
  kFault,        // diag=fault
  kConvert,      // diag=convert:SIZE
  kStorm,        // diag=conversion-storm:N
  kUnknown,      // any other diag=
};

struct Words {
  Task task = Task::kReport;
  uint32_t exit_code = 0;
  uint64_t convert_bytes = 0;  // whole pages
  uint32_t storm_count = 0;
  std::string_view version;  // of sealvm=VERSION; empty when not given
  std::string_view unknown;  // the word that made `task` kUnknown
};

// Words are separated by blanks; the last diag= counts; words of others are not looked at. The
// views point into `cmdline`.
Words ParseWords(std::string_view cmdline);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_WORDS_H_
