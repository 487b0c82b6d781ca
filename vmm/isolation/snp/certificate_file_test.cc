// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/certificate_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"
#include "memory/memfd_provider.h"
#include "vmm/isolation/attestation/cert_table.h"

namespace sealvm::snp {
namespace {

using attestation::CertTableEntry;

class CertificateFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/certificates-" + std::to_string(getpid());
    const GuestLayout layout = *GuestLayout::Create(2 * kMiB);
    auto memory = std::make_shared<GuestMemory>(
        *GuestMemory::Create(layout, *MemfdProvider().Create(layout.ram_size(), {})));
    view_ = *SharedView::Create(memory, nullptr);
  }
  void TearDown() override { unlink(path_.c_str()); }

  void WriteFile(std::span<const uint8_t> bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  static std::vector<uint8_t> TableOf(size_t size) {
    const CertTableEntry entry = {attestation::kGuidVcek, std::vector<uint8_t>(size, 0x5a)};
    return *attestation::BuildCertTable({&entry, 1}, "table");
  }
  std::vector<uint8_t> WriteTable(size_t size) {
    std::vector<uint8_t> table = TableOf(size);
    WriteFile(table);
    return table;
  }

  // What the guest asks, and finds.
  struct Answer {
    uint64_t result = 0;
    uint64_t pages = 0;
    std::string failure;
    bool operator==(const Answer&) const = default;
  };
  Answer Ask(const CertificateFile& file, uint64_t gpa, uint64_t pages) {
    Answer answer{.result = 77, .pages = pages, .failure = {}};
    completed_ = false;
    const kvm::SnpCertsExit exit = {.gpa = gpa, .pages = &answer.pages, .result = &answer.result};
    EXPECT_TRUE(file.Answer(
        exit, *view_,
        [&]() -> Result<> {
          completed_ = true;
          const Fd other(open(path_.c_str(), O_RDONLY));
          could_lock_ = flock(other.get(), LOCK_EX | LOCK_NB) == 0;
          return {};
        },
        [&](const Error& error) { answer.failure = error.message; }));
    EXPECT_TRUE(completed_);
    return answer;
  }

  std::string path_;
  std::shared_ptr<SharedView> view_;
  bool completed_ = false;
  bool could_lock_ = false;
};

// Who updates keys and certificates locks the file, renames a new one over it, locked too, and
// unlocks both: whoever opened the old one before and locks it after that has a lock of nothing.
TEST_F(CertificateFileTest, AFileThatWasReplacedBeforeItWasLockedIsNotServed) {
  std::atomic<size_t> generation = 1;
  WriteTable(generation);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file);
  std::atomic<bool> done = false;
  std::thread updater([&] {
    const std::string next = path_ + ".next";
    while (!done) {
      const Fd current(open(path_.c_str(), O_RDONLY));
      if (flock(current.get(), LOCK_EX) != 0) break;
      const size_t size = generation % 2000 + 1;
      const std::vector<uint8_t> table = TableOf(size);
      const Fd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
      if (flock(fd.get(), LOCK_EX) != 0 || WriteAll(fd.get(), table) != 0) break;
      if (rename(next.c_str(), path_.c_str()) != 0) break;
      generation = size;
    }
  });
  size_t served = 0;
  for (int i = 0; i < 20'000; ++i) {
    uint64_t result = 0;
    uint64_t pages = 4;
    const kvm::SnpCertsExit exit = {.gpa = 0x1000, .pages = &pages, .result = &result};
    const Result<> answered = file->Answer(
        exit, *view_,
        [&]() -> Result<> {
          if (result != 0) return {};
          ++served;
          const std::vector<uint8_t> expected = TableOf(generation);
          std::vector<uint8_t> found(expected.size());
          EXPECT_TRUE(view_->Read(0x1000, found));
          if (found != expected) return HostError("stale");
          return {};
        },
        [](const Error& error) { ADD_FAILURE() << error.message; });
    if (!answered) {
      ADD_FAILURE() << "the guest got a file that had been replaced";
      break;
    }
  }
  done = true;
  updater.join();
  EXPECT_GT(served, 0u);
}

TEST_F(CertificateFileTest, TheGuestGetsTheTableUnderTheLock) {
  const std::vector<uint8_t> table = WriteTable(5000);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file) << file.error().ToString();
  EXPECT_EQ(Ask(*file, 0x1000, 4), (Answer{0, 4, ""}));
  EXPECT_FALSE(could_lock_);
  std::vector<uint8_t> found(table.size());
  ASSERT_TRUE(view_->Read(0x1000, found));
  EXPECT_EQ(found, table);
  // Afterwards the file is free.
  const Fd other(open(path_.c_str(), O_RDONLY));
  EXPECT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

TEST_F(CertificateFileTest, TooLittleRoomIsToldWithWhatIsNeeded) {
  WriteTable(5000);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file);
  EXPECT_EQ(Ask(*file, 0x1000, 1), (Answer{ENOSPC, 2, ""}));
}

TEST_F(CertificateFileTest, ALockedFileMakesTheGuestTryAgain) {
  WriteTable(100);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file);
  const Fd owner(open(path_.c_str(), O_RDONLY));
  ASSERT_EQ(flock(owner.get(), LOCK_EX), 0);
  EXPECT_EQ(Ask(*file, 0x1000, 4), (Answer{EAGAIN, 4, ""}));
}

TEST_F(CertificateFileTest, AReplacedFileCountsAtTheNextRequest) {
  WriteTable(100);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file);
  unlink(path_.c_str());
  const Answer gone = Ask(*file, 0x1000, 4);
  EXPECT_EQ(gone.result, uint64_t{EIO});
  EXPECT_NE(gone.failure.find("--certs"), std::string::npos);
  WriteTable(9000);
  EXPECT_EQ(Ask(*file, 0x1000, 2), (Answer{ENOSPC, 3, ""}));
}

TEST_F(CertificateFileTest, MemoryThatIsNotThereGetsNothing) {
  WriteTable(100);
  const auto file = CertificateFile::Open(path_, "--certs");
  ASSERT_TRUE(file);
  for (uint64_t gpa : {uint64_t{2 * kMiB}, uint64_t{2 * kMiB - 16}, UINT64_MAX - 4095}) {
    const Answer answer = Ask(*file, gpa, 4);
    EXPECT_EQ(answer.result, uint64_t{EIO}) << gpa;
    EXPECT_NE(answer.failure, "");
  }
}

TEST_F(CertificateFileTest, BadFilesAreRefusedByTheirOption) {
  const std::vector<std::vector<uint8_t>> bad = {
      {}, {1, 2, 3}, std::vector<uint8_t>(4096, 0xff), std::vector<uint8_t>(1 << 20, 0)};
  for (const auto& bytes : bad) {
    WriteFile(bytes);
    const auto file = CertificateFile::Open(path_, "--certs");
    ASSERT_FALSE(file) << bytes.size();
    EXPECT_EQ(file.error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(file.error().message.find("--certs"), 0u) << file.error().message;
  }
  EXPECT_FALSE(CertificateFile::Open(path_ + "-not-there", "--certs"));
  EXPECT_FALSE(CertificateFile::Open("/dev/null", "--certs"));
  EXPECT_FALSE(CertificateFile::Open("/", "--certs"));
}

}  // namespace
}  // namespace sealvm::snp
