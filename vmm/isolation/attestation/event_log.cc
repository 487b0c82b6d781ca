// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "vmm/isolation/attestation/byte_cursor.h"
#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

using namespace std::string_view_literals;

constexpr size_t kMaxAlgorithms = 16;
constexpr size_t kMaxDigestSize = 64;
constexpr uint32_t kLastCcIndex = 4;

// The first event: TCG_PCR_EVENT with SHA-1 digest and a TCG_EfiSpecIDEvent.
constexpr size_t kFirstEventType = 4;
constexpr size_t kFirstEventSignature = 32;
constexpr std::string_view kSignature = "Spec ID Event03\0"sv;
constexpr size_t kSpecIdAlgorithms = 24;  // offset of numberOfAlgorithms in the data

struct Algorithm {
  uint16_t id = 0;
  uint16_t size = 0;  // bytes of a digest
};

constexpr std::pair<uint32_t, std::string_view> kTypes[] = {
    {0x0, "EV_PREBOOT_CERT"},
    {0x1, "EV_POST_CODE"},
    {0x3, "EV_NO_ACTION"},
    {0x4, "EV_SEPARATOR"},
    {0x5, "EV_ACTION"},
    {0x6, "EV_EVENT_TAG"},
    {0x7, "EV_S_CRTM_CONTENTS"},
    {0x8, "EV_S_CRTM_VERSION"},
    {0x9, "EV_CPU_MICROCODE"},
    {0xa, "EV_PLATFORM_CONFIG_FLAGS"},
    {0xb, "EV_TABLE_OF_DEVICES"},
    {0xc, "EV_COMPACT_HASH"},
    {0xd, "EV_IPL"},
    {0xe, "EV_IPL_PARTITION_DATA"},
    {0xf, "EV_NONHOST_CODE"},
    {0x10, "EV_NONHOST_CONFIG"},
    {0x11, "EV_NONHOST_INFO"},
    {0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {0x80000002, "EV_EFI_VARIABLE_BOOT"},
    {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {0x80000006, "EV_EFI_GPT_EVENT"},
    {0x80000007, "EV_EFI_ACTION"},
    {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {0x80000009, "EV_EFI_HANDOFF_TABLES"},
    {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
    {0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
    {0x80000010, "EV_EFI_HCRTM_EVENT"},
    {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
};

Result<std::vector<Algorithm>> ParseFirstEvent(ByteCursor& in) {
  constexpr size_t kIndexTypeAndSha1 = 4 + 4 + 20;
  SEALVM_TRY(in.Take(kIndexTypeAndSha1, "first event"));
  const uint32_t size = SEALVM_TRY(in.TakeLe<uint32_t>("first event's size"));
  const auto data = SEALVM_TRY(in.Take(size, "first event's data"));
  ByteCursor spec(data, in.name());
  SEALVM_TRY(spec.Take(kSpecIdAlgorithms, "specification event"));
  const uint32_t count = SEALVM_TRY(spec.TakeLe<uint32_t>("number of digest algorithms"));
  if (count == 0 || count > kMaxAlgorithms) {
    return InvalidInput(
        fmt::format("{}: {} digest algorithms, 1 to {} may be", in.name(), count, kMaxAlgorithms));
  }
  std::vector<Algorithm> algorithms;
  for (uint32_t i = 0; i < count; ++i) {
    const uint16_t id = SEALVM_TRY(spec.TakeLe<uint16_t>("digest algorithm"));
    const uint16_t digest_size = SEALVM_TRY(spec.TakeLe<uint16_t>("digest size"));
    const bool known_twice = std::ranges::find(algorithms, id, &Algorithm::id) != algorithms.end();
    if (digest_size == 0 || digest_size > kMaxDigestSize || known_twice ||
        (id == kTpmAlgSha384 && digest_size != Sha384Digest().size())) {
      return InvalidInput(fmt::format("{}: digest algorithm {:#x} with {} bytes{}", in.name(), id,
                                      digest_size, known_twice ? ", named twice" : ""));
    }
    algorithms.push_back({id, digest_size});
  }
  return algorithms;
}

// The SHA-384 digest among those of an event.
Result<std::optional<Sha384Digest>> ParseDigests(ByteCursor& in,
                                                 const std::vector<Algorithm>& algorithms) {
  const uint32_t count = SEALVM_TRY(in.TakeLe<uint32_t>("number of digests"));
  if (count > algorithms.size()) {
    return InvalidInput(fmt::format("{}: an event with {} digests, the log has {} algorithms",
                                    in.name(), count, algorithms.size()));
  }
  std::optional<Sha384Digest> sha384;
  for (uint32_t i = 0; i < count; ++i) {
    const uint16_t id = SEALVM_TRY(in.TakeLe<uint16_t>("digest algorithm"));
    const auto algorithm = std::ranges::find(algorithms, id, &Algorithm::id);
    if (algorithm == algorithms.end() || (id == kTpmAlgSha384 && sha384)) {
      return InvalidInput(fmt::format("{}: a digest of algorithm {:#x}, {}", in.name(), id,
                                      sha384 ? "a second one" : "which the log does not name"));
    }
    const auto digest = SEALVM_TRY(in.Take(algorithm->size, "digest"));
    if (id == kTpmAlgSha384) sha384 = FieldReader(digest).Array<48>(0);
  }
  return sha384;
}

// Whether padding begins here: an event never has these first bytes.
bool IsPadding(std::span<const uint8_t> rest) {
  const uint64_t start = LoadLe<uint64_t>(rest).value_or(0);
  const auto value = static_cast<uint8_t>(start);
  if (rest.size() >= sizeof(start) && start != 0 && start != ~0ull) return false;
  return (value == 0 || value == 0xff) &&
         std::ranges::all_of(rest, [value](uint8_t byte) { return byte == value; });
}

Result<LoggedEvent> ParseEvent(ByteCursor& in, const std::vector<Algorithm>& algorithms) {
  LoggedEvent event;
  event.index = SEALVM_TRY(in.TakeLe<uint32_t>("event's register"));
  event.type = SEALVM_TRY(in.TakeLe<uint32_t>("event's type"));
  const std::optional<Sha384Digest> digest = SEALVM_TRY(ParseDigests(in, algorithms));
  if (!digest && event.type != event_type::kNoAction) {
    return InvalidInput(fmt::format("{}: an event of type {} has no SHA-384 digest", in.name(),
                                    EventTypeName(event.type)));
  }
  const uint32_t size = SEALVM_TRY(in.TakeLe<uint32_t>("event's size"));
  const auto data = SEALVM_TRY(in.Take(size, "event's data"));
  event.data.assign(data.begin(), data.end());
  event.digest = digest.value_or(Sha384Digest{});
  event.digest_is_of_data = digest && Sha384Of(data) == *digest;
  return event;
}

}  // namespace

bool IsEventLog(std::span<const uint8_t> start) {
  if (start.size() < kFirstEventSignature + kSignature.size()) return false;
  return FieldReader(start).U32(kFirstEventType) == event_type::kNoAction &&
         std::ranges::equal(start.subspan(kFirstEventSignature, kSignature.size()), kSignature,
                            [](uint8_t byte, char c) { return byte == static_cast<uint8_t>(c); });
}

Result<EventLog> ParseEventLog(std::span<const uint8_t> bytes, std::string_view name) {
  if (!IsEventLog(bytes)) {
    return InvalidInput(fmt::format("{}: is no crypto-agile event log", name),
                        "give a copy of /sys/firmware/acpi/tables/data/CCEL");
  }
  if (bytes.size() > kMaxEventLogSize) {
    return InvalidInput(fmt::format("{}: {} bytes, an event log may have {}", name, bytes.size(),
                                    kMaxEventLogSize));
  }
  ByteCursor in(bytes, name);
  const std::vector<Algorithm> algorithms = SEALVM_TRY(ParseFirstEvent(in));
  EventLog log;
  for (const Algorithm& algorithm : algorithms) log.algorithms.push_back(algorithm.id);
  if (std::ranges::find(log.algorithms, kTpmAlgSha384) == log.algorithms.end()) {
    return InvalidInput(fmt::format("{}: has no SHA-384 digests, RTMRs cannot be replayed", name));
  }
  while (!in.rest().empty() && !IsPadding(in.rest())) {
    if (log.events.size() == kMaxEvents) {
      return InvalidInput(fmt::format("{}: more than {} events", name, kMaxEvents));
    }
    log.events.push_back(SEALVM_TRY(ParseEvent(in, algorithms)));
  }
  return log;
}

RegisterIndexing GuessIndexing(const EventLog& log) {
  const bool fits_cc = std::ranges::all_of(
      log.events, [](const LoggedEvent& event) { return event.index <= kLastCcIndex; });
  return fits_cc ? RegisterIndexing::kCc : RegisterIndexing::kPcr;
}

std::string EventTypeName(uint32_t type) {
  for (const auto& [known, name] : kTypes) {
    if (type == known) return std::string(name);
  }
  return fmt::format("{:#x}", type);
}

}  // namespace sealvm::attestation
