// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/event_log.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/rtmr_replay.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

// Offsets in ccel.bin: the first event has 28 bytes, a length, and its data.
constexpr size_t kFirstSize = 28;
constexpr size_t kAlgorithmCount = 32 + 24;
constexpr size_t kSecondEvent = 32 + 33;

std::vector<uint8_t> Log() { return ReadVector("ccel.bin"); }

Rtmrs ExpectedRtmrs() {
  const std::vector<uint8_t> bytes = ReadVector("ccel_rtmr.bin");
  Rtmrs out;
  for (size_t i = 0; i < kRtmrCount; ++i) out[i] = FieldReader(bytes).Array<48>(i * 48);
  return out;
}

template <typename T>
std::vector<uint8_t> With(size_t offset, T value) {
  std::vector<uint8_t> bytes = Log();
  FieldWriter(bytes).Put(offset, value);
  return bytes;
}

TEST(EventLogTest, ReadsEventsUpToThePadding) {
  const auto log = ParseEventLog(Log(), "log");
  ASSERT_TRUE(log.has_value()) << log.error().ToString();
  EXPECT_EQ(log->algorithms, std::vector<uint16_t>{kTpmAlgSha384});
  ASSERT_EQ(log->events.size(), 9u);
  EXPECT_EQ(log->events[0].index, 1u);
  EXPECT_EQ(EventTypeName(log->events[0].type), "EV_EFI_HANDOFF_TABLES2");
  EXPECT_FALSE(log->events[0].digest_is_of_data);
  EXPECT_TRUE(log->events[1].digest_is_of_data);
  EXPECT_EQ(EventTypeName(log->events[2].type), "EV_SEPARATOR");
  EXPECT_EQ(EventTypeName(0x1234), "0x1234");
}

TEST(EventLogTest, PaddingMayBeZeroOrMissing) {
  std::vector<uint8_t> bytes = Log();
  bytes.resize(bytes.size() - 256);
  EXPECT_EQ(ParseEventLog(bytes, "log")->events.size(), 9u);
  bytes.resize(bytes.size() + 65536);
  EXPECT_EQ(ParseEventLog(bytes, "log")->events.size(), 9u);
  bytes.back() = 1;
  EXPECT_FALSE(ParseEventLog(bytes, "log").has_value());
}

TEST(EventLogTest, CutOffInsideAnEventIsAnError) {
  std::vector<uint8_t> bytes = Log();
  bytes.resize(bytes.size() - 256);
  size_t whole = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    whole += ParseEventLog(std::span(bytes).first(size), "log").has_value() ? 1 : 0;
  }
  // Behind the first event and each but the last; and where the one for register 0 is cut off in
  // its first four bytes, zeroes, which are padding.
  EXPECT_EQ(whole, 9u + 4u);
}

TEST(EventLogTest, RefusesWhatIsNoLog) {
  ExpectInvalidInput(ParseEventLog({}, "l"), "l: is no crypto-agile event log");
  ExpectInvalidInput(ParseEventLog(With<uint8_t>(33, 'x'), "l"), "is no crypto-agile event log");
  std::vector<uint8_t> large = Log();
  large.resize(kMaxEventLogSize + 1);
  ExpectInvalidInput(ParseEventLog(large, "l"), "may have 4194304");
}

TEST(EventLogTest, AlgorithmsOfTheFirstEvent) {
  for (const uint32_t count : {0u, 17u, 0xffffffffu}) {
    ExpectInvalidInput(ParseEventLog(With(kAlgorithmCount, count), "l"), "digest algorithms");
  }
  ExpectInvalidInput(ParseEventLog(With<uint32_t>(kAlgorithmCount, 2), "l"), "cut off");
  ExpectInvalidInput(ParseEventLog(With<uint16_t>(kAlgorithmCount + 4, 0xb), "l"),
                     "has no SHA-384 digests");
  ExpectInvalidInput(ParseEventLog(With<uint16_t>(kAlgorithmCount + 6, 32), "l"),
                     "digest algorithm 0xc with 32 bytes");
  ExpectInvalidInput(ParseEventLog(With<uint32_t>(kFirstSize, 0xffffffff), "l"), "cut off");
}

TEST(EventLogTest, FieldsOfAnEvent) {
  ExpectInvalidInput(ParseEventLog(With<uint32_t>(kSecondEvent + 8, 2), "l"),
                     "an event with 2 digests, the log has 1");
  ExpectInvalidInput(ParseEventLog(With<uint32_t>(kSecondEvent + 8, 0), "l"), "l: ");
  ExpectInvalidInput(ParseEventLog(With<uint16_t>(kSecondEvent + 12, 4), "l"),
                     "a digest of algorithm 0x4, which the log does not name");
  for (const uint32_t size : {1000u, 0xffffffffu}) {
    ExpectInvalidInput(ParseEventLog(With(kSecondEvent + 62, size), "l"), "cut off: event's data");
  }
}

TEST(EventLogTest, NumberOfEventsIsBounded) {
  std::vector<uint8_t> bytes = Log();
  bytes.resize(kSecondEvent);
  // Register 1, EV_NO_ACTION, no digest, no data.
  const std::array<uint8_t, 16> event = {1, 0, 0, 0, 3};
  for (size_t i = 0; i <= kMaxEvents; ++i) bytes.insert(bytes.end(), event.begin(), event.end());
  ExpectInvalidInput(ParseEventLog(bytes, "l"), "more than 65536 events");
}

TEST(RtmrReplayTest, EqualsTheIndependentProgram) {
  const EventLog log = *ParseEventLog(Log(), "log");
  EXPECT_EQ(GuessIndexing(log), RegisterIndexing::kCc);
  EXPECT_EQ(*ReplayRtmrs(log, RegisterIndexing::kCc, "log"), ExpectedRtmrs());
}

TEST(RtmrReplayTest, EveryDigestCounts) {
  const EventLog log = *ParseEventLog(Log(), "log");
  for (size_t i = 0; i < log.events.size(); ++i) {
    EventLog changed = log;
    changed.events[i].digest[47] ^= 1;
    const bool extended = log.events[i].index != 0 && log.events[i].type != event_type::kNoAction;
    EXPECT_EQ(*ReplayRtmrs(changed, RegisterIndexing::kCc, "log") != ExpectedRtmrs(), extended)
        << i;
  }
}

TEST(RtmrReplayTest, OrderCounts) {
  EventLog log = *ParseEventLog(Log(), "log");
  std::swap(log.events[0], log.events[1]);
  EXPECT_NE(*ReplayRtmrs(log, RegisterIndexing::kCc, "log"), ExpectedRtmrs());
}

TEST(RtmrReplayTest, PcrsMapToRtmrs) {
  const size_t expected[] = {0, 1, 1, 1, 1, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2};
  for (uint32_t pcr = 1; pcr <= 15; ++pcr) {
    EXPECT_EQ(**RtmrOfIndex(pcr, RegisterIndexing::kPcr, "l"), expected[pcr - 1]) << pcr;
  }
  EXPECT_FALSE(RtmrOfIndex(0, RegisterIndexing::kPcr, "l")->has_value());
  ExpectInvalidInput(RtmrOfIndex(16, RegisterIndexing::kPcr, "l"), "l: an event for PCR 16");
}

TEST(RtmrReplayTest, RegistersOfALog) {
  for (uint32_t index = 1; index <= 4; ++index) {
    EXPECT_EQ(**RtmrOfIndex(index, RegisterIndexing::kCc, "l"), index - 1);
  }
  ExpectInvalidInput(RtmrOfIndex(5, RegisterIndexing::kCc, "l"), "an event for register 5");
  EventLog log = *ParseEventLog(Log(), "log");
  log.events[0].index = 7;
  EXPECT_EQ(GuessIndexing(log), RegisterIndexing::kPcr);
}

}  // namespace
}  // namespace sealvm::attestation
