// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_EVENT_LOG_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_EVENT_LOG_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/crypto/digest.h"

namespace sealvm::attestation {

// A crypto-agile event log (TCG PC Client Platform Firmware Profile 1.06, section 10.2; UEFI 2.10,
// section 38 for confidential computing): what firmware says it extended into which register, in
// order. The CCEL table's area holds one; so does /sys/firmware/acpi/tables/data/CCEL.
inline constexpr size_t kMaxEventLogSize = 4 * 1024 * 1024;
inline constexpr size_t kMaxEvents = 65536;
inline constexpr uint16_t kTpmAlgSha384 = 0x000c;

namespace event_type {
inline constexpr uint32_t kNoAction = 0x3;  // logged, not extended
}

struct LoggedEvent {
  uint32_t index = 0;  // of the register: see RegisterIndexing
  uint32_t type = 0;
  Sha384Digest digest = {};   // zero for event_type::kNoAction without one
  std::vector<uint8_t> data;  // what the log says was measured; only the digest is proved by replay
  // The digest is the SHA-384 of the data, so that replay proves the data too.
  bool digest_is_of_data = false;
};

struct EventLog {
  std::vector<uint16_t> algorithms;  // TPM_ALG_ID of the banks
  std::vector<LoggedEvent> events;   // without the first, which names the format
};

// What the indices of a log count.
enum class RegisterIndexing {
  kCc,   // 0 MRTD, 1 to 4 RTMR0 to RTMR3 (UEFI 2.10, section 38.4.1)
  kPcr,  // PCRs of a TPM
};

// True when `start` begins an event log.
bool IsEventLog(std::span<const uint8_t> start);

// The log ends with `bytes`, or where nothing but zeroes or nothing but ff follows. kInvalidInput
// for logs without SHA-384 digests, lengths that do not fit, and more than the limits above; `name`
// begins the message.
Result<EventLog> ParseEventLog(std::span<const uint8_t> bytes, std::string_view name);

// kPcr when an index is there that kCc does not have, kCc otherwise.
RegisterIndexing GuessIndexing(const EventLog& log);

// "EV_SEPARATOR"; "0x..." for types without a name.
std::string EventTypeName(uint32_t type);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_EVENT_LOG_H_
