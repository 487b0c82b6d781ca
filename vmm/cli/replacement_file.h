// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_REPLACEMENT_FILE_H_
#define SEALVM_VMM_CLI_REPLACEMENT_FILE_H_

#include <stdint.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "memory/base/result.h"

namespace sealvm {

// That writing `path` would not overwrite one of `inputs`, which are read for it; kInvalidInput
// begins with `option`.
Result<> CheckIsNoInput(const std::string& path, std::string_view option,
                        std::span<const std::string> inputs);

// A file that appears whole under its name or not at all: written beside it, then renamed. What is
// not published is removed. Move-only.
class ReplacementFile {
 public:
  // Writes `bytes` beside `path`, which may be missing or a regular file. Errors are kInvalidInput
  // and begin with `option`.
  static Result<ReplacementFile> Write(const std::string& path, std::string_view option,
                                       std::span<const uint8_t> bytes);
  ~ReplacementFile();
  ReplacementFile(ReplacementFile&& other) noexcept
      : path_(std::move(other.path_)),
        option_(std::move(other.option_)),
        temporary_(std::exchange(other.temporary_, {})) {}
  ReplacementFile& operator=(ReplacementFile&&) = delete;

  Result<> Publish();

 private:
  ReplacementFile(std::string path, std::string_view option);
  std::unexpected<Error> Failure(std::string_view call) const;

  std::string path_;
  std::string option_;
  std::string temporary_;  // empty when there is none
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_REPLACEMENT_FILE_H_
