// SPDX-License-Identifier: Apache-2.0
// What both engines promise.
#include "devices/virtio/block/block_engine.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <set>
#include <string>
#include <vector>

#include "devices/virtio/block/lone_request_engine.h"
#include "devices/virtio/block/testing/temp_image.h"
#include "devices/virtio/block/thread_engine.h"
#include "devices/virtio/block/uring_engine.h"

namespace sealvm {
namespace {

constexpr uint64_t kBytes = 1024 * 1024;

struct Variant {
  const char* name;
  Result<std::unique_ptr<BlockEngine>> (*create)(int fd, unsigned depth);
};

class BlockEngineTest : public testing::TestWithParam<Variant> {
 protected:
  // More than fit into one submission.
  static constexpr unsigned kDepth = 1024;

  void SetUp() override {
    auto engine = GetParam().create(image_.fd(), kDepth);
    if (!engine) GTEST_SKIP() << engine.error().ToString();
    engine_ = *std::move(engine);
  }

  std::vector<IoResult> WaitFor(size_t count) {
    std::vector<IoResult> results;
    while (results.size() < count) {
      engine_->Wait();
      engine_->Reap(results);
    }
    return results;
  }

  int64_t Do(const IoRequest& request) {
    engine_->Add(request);
    return WaitFor(1).front().result;
  }

  bool Readable() {
    pollfd wait = {.fd = engine_->fd(), .events = POLLIN, .revents = 0};
    return poll(&wait, 1, 0) == 1;
  }

  TempImage image_{kBytes};
  std::unique_ptr<BlockEngine> engine_;
};

TEST_P(BlockEngineTest, ReadsIntoAllPieces) {
  image_.Write(512, "0123456789");
  std::string first(4, 0);
  std::string second(6, 0);
  const iovec pieces[] = {{first.data(), first.size()}, {second.data(), second.size()}};

  EXPECT_EQ(Do({.kind = IoKind::kRead, .offset = 512, .length = 10, .iovecs = pieces}), 10);

  EXPECT_EQ(first + second, "0123456789");
}

TEST_P(BlockEngineTest, WritesAllPieces) {
  std::string first = "abc";
  std::string second = "def";
  const iovec pieces[] = {{first.data(), first.size()}, {second.data(), second.size()}};

  EXPECT_EQ(Do({.kind = IoKind::kWrite, .offset = 100, .length = 6, .iovecs = pieces}), 6);

  EXPECT_EQ(image_.Read(100, 6), "abcdef");
}

TEST_P(BlockEngineTest, ReadingAtTheEndGivesWhatThereIs) {
  std::string text(100, 0);
  const iovec piece = {text.data(), text.size()};

  EXPECT_EQ(
      Do({.kind = IoKind::kRead, .offset = kBytes - 40, .length = 100, .iovecs = {&piece, 1}}), 40);
  EXPECT_EQ(Do({.kind = IoKind::kRead, .offset = kBytes, .length = 100, .iovecs = {&piece, 1}}), 0);
}

TEST_P(BlockEngineTest, ErrorsAreNegativeErrnos) {
  const iovec nowhere = {reinterpret_cast<void*>(1), 512};

  EXPECT_EQ(Do({.kind = IoKind::kWrite, .offset = 0, .length = 512, .iovecs = {&nowhere, 1}}),
            -EFAULT);
}

TEST_P(BlockEngineTest, SyncsAndPunchesHoles) {
  image_.Write(0, std::string(8192, 'x'));

  EXPECT_EQ(Do({.kind = IoKind::kSync}), 0);
  EXPECT_EQ(Do({.kind = IoKind::kPunchHole, .offset = 4096, .length = 4096}), 0);

  EXPECT_EQ(image_.Read(0, 8192), std::string(4096, 'x') + std::string(4096, 0));
}

TEST_P(BlockEngineTest, MoreAtOnceThanOneSubmissionTakesAllComeBack) {
  std::vector<std::string> texts(kDepth, std::string(16, 0));
  std::vector<iovec> pieces;
  for (std::string& text : texts) pieces.push_back({text.data(), text.size()});
  for (uint64_t i = 0; i < kDepth; ++i) {
    engine_->Add({.id = i,
                  .kind = IoKind::kRead,
                  .offset = i * 16,
                  .length = 16,
                  .iovecs = {&pieces[i], 1}});
  }

  std::set<uint64_t> ids;
  for (const IoResult& result : WaitFor(kDepth)) {
    EXPECT_EQ(result.result, 16);
    ids.insert(result.id);
  }

  EXPECT_EQ(ids.size(), kDepth);
}

TEST_P(BlockEngineTest, ItsDescriptorIsReadableWhileThereIsSomethingToReap) {
  EXPECT_FALSE(Readable());
  engine_->Add({.kind = IoKind::kSync});
  engine_->Wait();
  EXPECT_TRUE(Readable());

  std::vector<IoResult> results;
  engine_->Reap(results);

  EXPECT_EQ(results.size(), 1U);
  EXPECT_FALSE(Readable());
}

INSTANTIATE_TEST_SUITE_P(Engines, BlockEngineTest,
                         testing::Values(Variant{"Uring", UringEngine::Create},
                                         Variant{"Threads", ThreadEngine::Create}),
                         [](const auto& info) { return info.param.name; });

// Keeps what it is given, and completes it when told.
class IdleEngine : public BlockEngine {
 public:
  void Add(const IoRequest& request) override { added.push_back(request.id); }
  bool Submit() override { return true; }
  void Reap(std::vector<IoResult>& results) override {
    for (const uint64_t id : std::exchange(complete, {}))
      results.push_back({.id = id, .result = 0});
  }
  void Wait() override {}
  int fd() const override { return -1; }

  std::vector<uint64_t> added;
  std::vector<uint64_t> complete;
};

class LoneRequestEngineTest : public testing::Test {
 protected:
  static IoRequest Read(uint64_t id, std::span<const iovec> into, IoKind kind = IoKind::kRead) {
    return {.id = id, .kind = kind, .offset = 0, .length = 4, .iovecs = into};
  }
  std::vector<IoResult> SubmitAndReap() {
    std::vector<IoResult> results;
    EXPECT_TRUE(engine_.Submit());
    engine_.Reap(results);
    return results;
  }

  TempImage image_{kBytes};
  IdleEngine* const inner_ = new IdleEngine;
  LoneRequestEngine engine_{image_.fd(), std::unique_ptr<BlockEngine>(inner_)};
  std::string text_ = std::string(4, '?');
  const iovec piece_ = {text_.data(), text_.size()};
};

TEST_F(LoneRequestEngineTest, OneTransferIsDoneAtOnce) {
  image_.Write(0, "abcd");
  engine_.Add(Read(7, {&piece_, 1}));
  const std::vector<IoResult> results = SubmitAndReap();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].id, 7u);
  EXPECT_EQ(results[0].result, 4);
  EXPECT_EQ(text_, "abcd");
  EXPECT_TRUE(inner_->added.empty());
}

TEST_F(LoneRequestEngineTest, SeveralGoToTheOtherEngineInOrder) {
  for (const uint64_t id : {1, 2, 3}) engine_.Add(Read(id, {&piece_, 1}));
  EXPECT_TRUE(SubmitAndReap().empty());
  EXPECT_EQ(inner_->added, (std::vector<uint64_t>{1, 2, 3}));
}

TEST_F(LoneRequestEngineTest, NothingBlocksWhileSomethingIsUnderWay) {
  for (const uint64_t id : {1, 2}) engine_.Add(Read(id, {&piece_, 1}));
  SubmitAndReap();
  engine_.Add(Read(3, {&piece_, 1}));
  EXPECT_TRUE(SubmitAndReap().empty());
  EXPECT_EQ(inner_->added.size(), 3u);
  inner_->complete = {1, 2, 3};
  EXPECT_EQ(SubmitAndReap().size(), 3u);
  engine_.Add(Read(4, {&piece_, 1}));
  EXPECT_EQ(SubmitAndReap().size(), 1u);
  EXPECT_EQ(inner_->added.size(), 3u);
}

TEST_F(LoneRequestEngineTest, AFlushNeverBlocks) {
  engine_.Add(Read(1, {}, IoKind::kSync));
  EXPECT_TRUE(SubmitAndReap().empty());
  EXPECT_EQ(inner_->added, std::vector<uint64_t>{1});
}

TEST_F(LoneRequestEngineTest, AFailureIsItsErrno) {
  const iovec nowhere = {nullptr, 4};
  image_.Write(0, "abcd");
  engine_.Add(Read(1, {&nowhere, 1}));
  EXPECT_EQ(SubmitAndReap().at(0).result, -EFAULT);
}

TEST_F(LoneRequestEngineTest, WaitEndsWithTheLoneOneToo) {
  engine_.Add(Read(1, {&piece_, 1}));
  engine_.Wait();
  std::vector<IoResult> results;
  engine_.Reap(results);
  EXPECT_EQ(results.size(), 1u);
}

}  // namespace
}  // namespace sealvm
