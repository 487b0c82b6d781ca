// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/output_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

class OutputSinkTest : public ::testing::Test {
 protected:
  OutputSinkTest() {
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
  }

  OutputSink Sink() { return *OutputSink::Create(writer_.get(), "pipe"); }

  Fd reader_;
  Fd writer_;
};

constexpr size_t kMoreThanAPipeHolds = 300'000;

TEST_F(OutputSinkTest, SlowReaderGetsEveryByte) {
  OutputSink sink = Sink();
  size_t received = 0;
  std::thread reader([&] {
    std::vector<uint8_t> buffer(1000);
    for (ssize_t count; (count = read(reader_.get(), buffer.data(), buffer.size())) > 0;) {
      received += static_cast<size_t>(count);
    }
  });
  EXPECT_TRUE(sink.Write(std::vector<uint8_t>(kMoreThanAPipeHolds, 'x')));
  writer_.Reset();
  reader.join();
  EXPECT_EQ(received, kMoreThanAPipeHolds);
}

TEST_F(OutputSinkTest, AbandonEndsAWaitForever) {
  OutputSink sink = Sink();
  std::thread writer(
      [&] { EXPECT_TRUE(sink.Write(std::vector<uint8_t>(kMoreThanAPipeHolds, 'x'))); });
  sink.Abandon();
  writer.join();
}

TEST_F(OutputSinkTest, AbandonedSinkStillWritesWhatFits) {
  OutputSink sink = Sink();
  sink.Abandon();
  EXPECT_TRUE(sink.Write(std::vector<uint8_t>(10, 'x')));
  char buffer[16];
  EXPECT_EQ(read(reader_.get(), buffer, sizeof(buffer)), 10);
}

TEST_F(OutputSinkTest, LostReaderIsAnError) {
  OutputSink sink = Sink();
  reader_.Reset();
  const Result<> written = sink.Write(std::vector<uint8_t>(10, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().os_error, EPIPE);
}

TEST_F(OutputSinkTest, DescriptorsOwnFlagsAreLeftAlone) {
  const int before = fcntl(writer_.get(), F_GETFL);
  OutputSink sink = Sink();
  EXPECT_TRUE(sink.Write(std::vector<uint8_t>(10, 'x')));
  EXPECT_EQ(fcntl(writer_.get(), F_GETFL), before);
}

TEST(OutputSinkFileTest, FullDeviceIsAnError) {
  const Fd full(open("/dev/full", O_WRONLY));
  OutputSink sink = *OutputSink::Create(full.get(), "/dev/full");
  const Result<> written = sink.Write(std::vector<uint8_t>(10, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().os_error, ENOSPC);
}

TEST(OutputSinkFileTest, ClosedDescriptorIsAnError) {
  const Result<OutputSink> sink = OutputSink::Create(987, "standard output");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().os_error, EBADF);
}

}  // namespace
}  // namespace sealvm
