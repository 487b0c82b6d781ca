// SPDX-License-Identifier: Apache-2.0
#include "memory/base/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <numeric>
#include <thread>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    reader.Reset(ends[0]);
    writer.Reset(ends[1]);
  }
  Fd reader, writer;
};

std::vector<uint8_t> Pattern(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t{1});
  return bytes;
}

TEST(FileIoTest, WhatAPipeDoesNotTakeAtOnceArrivesThroughSignals) {
  struct sigaction action = {};
  action.sa_handler = [](int) {};  // and no SA_RESTART: calls end with EINTR
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  Pipe pipe;
  ASSERT_TRUE(pipe.writer.valid());
  const std::vector<uint8_t> sent = Pattern(1 << 20);
  int error = -1;
  std::thread writer([&] { error = WriteAll(pipe.writer.get(), sent); });
  std::vector<uint8_t> got(sent.size());
  const size_t half = got.size() / 2;
  const auto first = ReadUpTo(pipe.reader.get(), std::span(got).first(half));
  for (int i = 0; i < 10; ++i) {
    pthread_kill(writer.native_handle(), SIGUSR1);
    usleep(1000);
  }
  const auto second = ReadUpTo(pipe.reader.get(), std::span(got).subspan(half));
  writer.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(error, 0);
  EXPECT_EQ(first, half);
  EXPECT_EQ(second, got.size() - half);
  EXPECT_EQ(got, sent);
}

TEST(FileIoTest, ReadingEndsWithTheFile) {
  Pipe pipe;
  ASSERT_EQ(WriteAll(pipe.writer.get(), std::string_view("abc")), 0);
  pipe.writer.Reset();
  std::vector<uint8_t> bytes(8);
  EXPECT_EQ(ReadUpTo(pipe.reader.get(), bytes), 3u);
}

TEST(FileIoTest, ErrorsAreErrnosValues) {
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(WriteAll(full.get(), std::string_view("x")), ENOSPC);
  std::vector<uint8_t> bytes(1);
  const Fd folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(ReadUpTo(folder.get(), bytes), std::unexpected(EISDIR));
}

}  // namespace
}  // namespace sealvm
