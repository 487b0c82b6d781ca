// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_STATS_FILE_H_
#define SEALVM_VMM_CLI_STATS_FILE_H_

#include <string>

#include "memory/base/result.h"
#include "vmm/cli/run_outcome.h"

namespace sealvm {

// What --stats writes: the outcome and, when a machine ran, its counters.
std::string StatsJson(const RunOutcome& outcome);

// The file of --stats. A regular file is replaced as a whole by rename(2), so a reader never sees
// half of it; a symbolic link is followed; a device or FIFO is written to.
class StatsFile {
 public:
  // Finds out now whether writing will work, leaving nothing behind; kInvalidInput if not.
  static Result<StatsFile> Prepare(const std::string& path);

  Result<> Write(const std::string& text) const;

 private:
  StatsFile(std::string path, bool replace) : path_(std::move(path)), replace_(replace) {}

  Result<> Replace(const std::string& text) const;
  std::string TemporaryPath() const;

  std::string path_;
  bool replace_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_STATS_FILE_H_
