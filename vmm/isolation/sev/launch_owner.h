// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_LAUNCH_OWNER_H_
#define SEALVM_VMM_ISOLATION_SEV_LAUNCH_OWNER_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::sev {

// What the owner of a SEV or SEV-ES guest has to know to check a launch (AMD SEV API 0.24, section
// 6.5.1).
struct LaunchFacts {
  uint8_t api_major = 0;
  uint8_t api_minor = 0;
  uint8_t build = 0;
  uint32_t policy = 0;
  std::vector<uint8_t> digest;       // GCTX.LD as calculated here
  std::vector<uint8_t> measurement;  // LAUNCH_MEASURE's HMAC and nonce
};

// The owner's answer: what LAUNCH_SECRET takes (section 6.6).
struct LaunchSecretPacket {
  std::vector<uint8_t> header;  // 52 bytes
  std::vector<uint8_t> data;    // multiple of 16 bytes
};

// The owner, by two files. Either may be a FIFO: then the launch waits for its other end.
class LaunchOwner {
 public:
  // Empty paths for what is not wanted.
  LaunchOwner(std::string measurement_file, std::string secret_file)
      : measurement_file_(std::move(measurement_file)), secret_file_(std::move(secret_file)) {}

  // Writes the facts as one line of JSON (bytes in hexadecimal digits), then reads the packet:
  // header and data, one behind the other. Nothing where there is no secret. kInvalidInput names
  // the option.
  Result<std::optional<LaunchSecretPacket>> Ask(const LaunchFacts& facts) const;

 private:
  std::string measurement_file_;
  std::string secret_file_;
};

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_LAUNCH_OWNER_H_
