// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/event_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader.Reset(ends[0]);
    writer.Reset(ends[1]);
  }
  Fd reader;
  Fd writer;
};

TEST(EventLineTest, HoldsNameAndTime) {
  EXPECT_EQ(EventLine({EventKind::kFirstInstruction, std::chrono::nanoseconds(12), 0, {}}),
            "{\"event\":\"first-instruction\",\"time_ns\":12}\n");
  EXPECT_EQ(EventLine({EventKind::kBootMark, std::chrono::nanoseconds(1), 0x41, {}}),
            "{\"event\":\"boot-mark\",\"time_ns\":1,\"value\":65}\n");
}

TEST(EventLineTest, FailedDeviceIsNamed) {
  EXPECT_EQ(EventLine({.kind = EventKind::kDeviceFailed, .device = "disk0"}),
            "{\"event\":\"device-failed\",\"time_ns\":0,\"device\":\"disk0\"}\n");
}

TEST(ResetEventLineTest, HoldsTheTime) {
  EXPECT_EQ(ResetEventLine(std::chrono::nanoseconds(7)), "{\"event\":\"reset\",\"time_ns\":7}\n");
}

TEST(ExitEventLineTest, HoldsWhatTheProcessReturns) {
  RunOutcome outcome;
  outcome.reason = "panic";
  outcome.exit_code = 3;
  outcome.error = HostError("the \"guest\"").error();
  EXPECT_EQ(ExitEventLine(outcome, std::chrono::nanoseconds(5)),
            "{\"event\":\"exit\",\"time_ns\":5,\"reason\":\"panic\",\"exit_code\":3,"
            "\"error\":\"the \\\"guest\\\"\"}\n");
}

TEST(EventWriterTest, WritesToItsDescriptor) {
  Pipe pipe;
  EventWriter writer(*EventWriter::OpenSink(pipe.writer.get(), ConsoleKind::kStdio));
  writer.Write("line\n");
  char buffer[16];
  EXPECT_EQ(read(pipe.reader.get(), buffer, sizeof(buffer)), 5);
}

TEST(EventWriterTest, LostReaderIsSurvived) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  EventWriter writer(*EventWriter::OpenSink(pipe.writer.get(), ConsoleKind::kStdio));
  pipe.reader.Reset();
  writer.Write("line\n");
  writer.Write("line\n");
  SUCCEED() << "neither SIGPIPE nor a hang";
}

TEST(EventWriterTest, RefusesDescriptorsThatCannotServe) {
  Pipe pipe;
  const int closed = pipe.writer.get();
  EXPECT_FALSE(EventWriter::OpenSink(pipe.reader.get(), ConsoleKind::kStdio));
  EXPECT_FALSE(EventWriter::OpenSink(STDIN_FILENO, ConsoleKind::kStdio));
  EXPECT_FALSE(EventWriter::OpenSink(STDOUT_FILENO, ConsoleKind::kStdio));
  pipe.writer.Reset();
  const Result<OutputSink> sink = EventWriter::OpenSink(closed, ConsoleKind::kStdio);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().kind, ErrorKind::kInvalidInput);
}

TEST(EventWriterTest, StandardOutputServesWhenTheConsoleIsElsewhere) {
  EXPECT_TRUE(EventWriter::OpenSink(STDOUT_FILENO, ConsoleKind::kOff));
}

}  // namespace
}  // namespace sealvm
