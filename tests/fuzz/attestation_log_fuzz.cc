// SPDX-License-Identifier: Apache-2.0
// Hostile event logs: the input follows a good first event, and is replayed in both ways of
// counting registers.
#include <array>
#include <vector>

#include "memory/base/endian.h"
#include "tests/fuzz/fuzz_input.h"
#include "vmm/isolation/attestation/rtmr_replay.h"

namespace sealvm {
namespace {

std::vector<uint8_t> FirstEvent() {
  constexpr std::string_view kSignature("Spec ID Event03", 16);
  std::vector<uint8_t> out(32);
  out[4] = 3;    // EV_NO_ACTION
  out[28] = 37;  // size of the data
  out.insert(out.end(), kSignature.begin(), kSignature.end());
  out.resize(32 + 24);
  // Two algorithms: SHA-256 of 32 bytes and SHA-384 of 48.
  const std::array<uint8_t, 13> algorithms = {2, 0, 0, 0, 0xb, 0, 32, 0, 0xc, 0, 48, 0, 0};
  out.insert(out.end(), algorithms.begin(), algorithms.end());
  return out;
}

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  using namespace sealvm::attestation;
  FuzzInput input({data, size});
  std::vector<uint8_t> bytes;
  if (input.TakeByte() % 8 != 0) bytes = FirstEvent();
  const auto rest = input.TakeBytes(size);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  bytes.shrink_to_fit();
  const auto log = ParseEventLog(bytes, "log");
  if (!log) {
    SEALVM_FUZZ_CHECK(log.error().kind == ErrorKind::kInvalidInput);
    return 0;
  }
  size_t held = 0;
  for (const LoggedEvent& event : log->events) held += event.data.size();
  SEALVM_FUZZ_CHECK(held <= bytes.size());
  SEALVM_FUZZ_CHECK(ReplayRtmrs(*log, GuessIndexing(*log), "log").has_value() ||
                    GuessIndexing(*log) == RegisterIndexing::kPcr);
  static_cast<void>(ReplayRtmrs(*log, RegisterIndexing::kPcr, "log"));
  return 0;
}
