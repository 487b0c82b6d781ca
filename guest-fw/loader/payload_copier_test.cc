// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/payload_copier.h"

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <functional>
#include <map>
#include <vector>

#include "guest-fw/loader/testing_engines.h"
#include "guest-fw/loader/testing_tree.h"

namespace sealvm::loader {
namespace {

// A window and private memory, with scripts that run between the loader's own steps: the tampering
// of another process that has the window mapped, or of a broken private memory.
class ScriptedMemory {
 public:
  static constexpr size_t kSize = 64 * 1024;

  ScriptedMemory() : window_(kSize), private_(kSize) {
    for (size_t i = 0; i < kSize; ++i) window_[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  }

  void Copy(uint64_t to, uint64_t from, size_t size) {
    if (before_copy) before_copy(copies);
    source_reads[from] += size;
    memcpy(Private(to, size), Window(from, size), size);
    if (after_copy) after_copy(copies);
    ++copies;
  }
  const uint8_t* Read(uint64_t address, size_t size) {
    largest_piece = std::max(largest_piece, size);
    return Private(address, size);
  }

  uint8_t* Window(uint64_t gpa, size_t size) {
    EXPECT_TRUE((Range{kWindow, kSize}.Contains({gpa, size})));
    return window_.data() + (gpa - kWindow);
  }
  uint8_t* Private(uint64_t gpa, size_t size) {
    EXPECT_TRUE((Range{kC, kSize}.Contains({gpa, size})));
    return private_.data() + (gpa - kC);
  }

  std::function<void(int)> before_copy, after_copy;  // get the number of copies so far
  int copies = 0;
  size_t largest_piece = 0;
  std::map<uint64_t, size_t> source_reads;

 private:
  std::vector<uint8_t> window_, private_;
};

class PayloadCopierTest : public EngineTest {
 protected:
  // Announces a payload with the digest of what the window holds now.
  void Announce(uint64_t source, uint64_t destination, uint64_t length) {
    Payload& payload = manifest_.payloads[manifest_.payload_count++];
    payload = {kWindow + source, kC | destination, length, {}, false};
    SHA256(memory_.Window(payload.source, length), length, payload.sha256.data());
  }
  LoaderStatus Copy() { return CopyPayloads(memory_, manifest_, engine()); }
  bool Arrived(size_t index) {
    const Payload& p = manifest_.payloads[index];
    Sha256Digest digest;
    SHA256(memory_.Private(p.destination, p.length), p.length, digest.data());
    return digest == p.sha256;
  }

  ScriptedMemory memory_;
  Manifest manifest_;
};

INSTANTIATE_TEST_SUITE_P(Engines, PayloadCopierTest, testing::ValuesIn(kAllEngines), EngineName);

TEST_P(PayloadCopierTest, CopiesEveryPayload) {
  Announce(0, 0x8000, 1);
  Announce(100, 0x9000, 0x4567);
  Announce(0, 0x1000, 2 * kCopyPiece);
  EXPECT_EQ(Copy(), LoaderStatus{});
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(Arrived(i)) << i;
}

TEST_P(PayloadCopierTest, CopiesLengthsAroundPieces) {
  for (const size_t length : {kCopyPiece - 1, kCopyPiece, kCopyPiece + 1, 3 * kCopyPiece + 63}) {
    memory_ = ScriptedMemory();
    manifest_ = Manifest();
    Announce(3, 0x10, length);
    EXPECT_EQ(Copy(), LoaderStatus{}) << length;
    EXPECT_TRUE(Arrived(0)) << length;
  }
}

TEST_P(PayloadCopierTest, WritesNothingBesideThePayload) {
  Announce(0, 0x1000, 0x777);
  EXPECT_EQ(Copy(), LoaderStatus{});
  EXPECT_EQ(*memory_.Private(kC | 0xfff, 1), 0);
  EXPECT_EQ(*memory_.Private(kC | 0x1777, 1), 0);
}

TEST_P(PayloadCopierTest, ReadsTheSourceOnce) {
  Announce(0, 0, 3 * kCopyPiece);
  EXPECT_EQ(Copy(), LoaderStatus{});
  EXPECT_EQ(memory_.source_reads,
            (std::map<uint64_t, size_t>{{kWindow, kCopyPiece},
                                        {kWindow + kCopyPiece, kCopyPiece},
                                        {kWindow + 2 * kCopyPiece, kCopyPiece}}));
}

TEST_P(PayloadCopierTest, HashesPiecesThatStayInTheCache) {
  Announce(0, 0, 4 * kCopyPiece);
  EXPECT_EQ(Copy(), LoaderStatus{});
  EXPECT_EQ(memory_.largest_piece, kCopyPiece);
}

TEST_P(PayloadCopierTest, RefusesASourceThatChangedBeforeItsCopy) {
  Announce(0, 0, 0x100);
  Announce(0x1000, 0x1000, 2 * kCopyPiece);
  memory_.before_copy = [this](int copies) {
    if (copies == 2) *memory_.Window(kWindow + 0x1000 + 2 * kCopyPiece - 1, 1) ^= 1;
  };
  EXPECT_EQ(Copy(), (LoaderStatus{LoaderError::kDigestMismatch, 1}));
}

// The window's change comes too late: what was checked is what the guest runs.
TEST_P(PayloadCopierTest, IsNotReachedByASourceThatChangesAfterItsCopy) {
  Announce(0, 0, 2 * kCopyPiece);
  memory_.after_copy = [this](int copies) {
    *memory_.Window(kWindow + static_cast<uint64_t>(copies) * kCopyPiece, 1) ^= 0xff;
  };
  EXPECT_EQ(Copy(), LoaderStatus{});
  EXPECT_TRUE(Arrived(0));
}

TEST_P(PayloadCopierTest, RefusesACopyThatDidNotArrive) {
  Announce(0, 0x1000, 0x2000);
  memory_.after_copy = [this](int) { *memory_.Private(kC | 0x1800, 1) ^= 0x10; };
  EXPECT_EQ(Copy(), (LoaderStatus{LoaderError::kDigestMismatch, 0}));
}

TEST_P(PayloadCopierTest, RefusesEveryWrongDigestByte) {
  Announce(0, 0, 0x40);
  for (uint8_t& byte : manifest_.payloads[0].sha256) {
    byte ^= 0x04;
    EXPECT_EQ(Copy(), (LoaderStatus{LoaderError::kDigestMismatch, 0}));
    byte ^= 0x04;
  }
  EXPECT_EQ(Copy(), LoaderStatus{});
}

TEST_P(PayloadCopierTest, StopsAtTheFirstMismatch) {
  Announce(0, 0, 0x100);
  Announce(0, 0x1000, 0x100);
  manifest_.payloads[0].sha256[0] ^= 1;
  EXPECT_EQ(Copy(), (LoaderStatus{LoaderError::kDigestMismatch, 0}));
  EXPECT_EQ(memory_.copies, 1);
}

TEST(IdentityMemory, CopiesBetweenAddresses) {
  const uint8_t from[3] = {1, 2, 3};
  uint8_t to[3] = {};
  IdentityMemory memory;
  memory.Copy(reinterpret_cast<uint64_t>(to), reinterpret_cast<uint64_t>(from), sizeof(to));
  EXPECT_EQ(memory.Read(reinterpret_cast<uint64_t>(to), sizeof(to))[2], 3);
}

}  // namespace
}  // namespace sealvm::loader
