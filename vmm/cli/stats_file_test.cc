// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/stats_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

class StatsFileTest : public ::testing::Test {
 protected:
  StatsFileTest() { EXPECT_NE(mkdtemp(directory_), nullptr); }
  ~StatsFileTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return std::string(directory_) + "/" + name; }
  static std::string Content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  size_t FileCount() const {
    const auto files = std::filesystem::directory_iterator(directory_);
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }

 private:
  char directory_[32] = "/tmp/sealvm-stats-XXXXXX";
};

TEST_F(StatsFileTest, PreparingLeavesNothingBehind) {
  EXPECT_TRUE(StatsFile::Prepare(Path("s")));
  EXPECT_EQ(FileCount(), 0u);
}

TEST_F(StatsFileTest, WritesTheWholeFileAndNothingElse) {
  std::ofstream(Path("s")) << "old and longer than the new one";
  ASSERT_TRUE(StatsFile::Prepare(Path("s"))->Write("new\n"));
  EXPECT_EQ(Content(Path("s")), "new\n");
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(StatsFileTest, OldContentStaysUntilTheEnd) {
  std::ofstream(Path("s")) << "old";
  EXPECT_TRUE(StatsFile::Prepare(Path("s")));
  EXPECT_EQ(Content(Path("s")), "old");
}

TEST_F(StatsFileTest, RefusesWhatCannotBeWritten) {
  for (const std::string& path : {Path("no/such/s"), Path(""), std::string("/proc/s")}) {
    const Result<StatsFile> file = StatsFile::Prepare(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().kind, ErrorKind::kInvalidInput) << path;
    EXPECT_THAT(file.error().message, HasSubstr("--stats")) << path;
  }
}

TEST(StatsJsonTest, FailedRunHasNoCounters) {
  RunOutcome outcome;
  outcome.reason = "error";
  outcome.exit_code = 2;
  outcome.error = InvalidInput("--kernel: no").error();
  EXPECT_EQ(StatsJson(outcome),
            "{\n  \"reason\": \"error\",\n  \"exit_code\": 2,\n  \"error\": \"--kernel: no\"\n}\n");
}

TEST(StatsJsonTest, CountersAreThere) {
  RunOutcome outcome;
  outcome.reason = "power-off";
  outcome.resets = 3;
  outcome.stats.emplace();
  outcome.stats->memory_shared_bytes = 4096;
  outcome.stats->exits_by_reason = {{"io", 5}};
  outcome.stats->accesses_by_device = {{"serial", 4}, {"unclaimed", 1}};
  outcome.stats->time_to_first_instruction = std::chrono::nanoseconds(99);
  const std::string json = StatsJson(outcome);
  for (const char* part : {"\"resets\": 3", "\"shared_bytes\": 4096", "\"io\": 5", "\"serial\": 4",
                           "\"unclaimed\": 1", "\"time_to_first_instruction_ns\": 99"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(StatsJsonTest, EveryDeviceHasItsCounters) {
  RunOutcome outcome;
  outcome.stats.emplace();
  EXPECT_THAT(StatsJson(outcome), HasSubstr("\"devices\": []"));
  outcome.stats->devices = {{"disk0", "block", 1, 2, 3, 4, 5, 6, 7, 8},
                            {"net0", "net", 9, 0, 0, 0, 0, 0, 0, 0}};
  const std::string json = StatsJson(outcome);
  for (const char* part :
       {"\"id\": \"disk0\"", "\"type\": \"block\"", "\"requests\": 1", "\"bytes_read\": 2",
        "\"bytes_written\": 3", "\"errors\": 4", "\"kicks\": 5", "\"interrupts\": 6",
        "\"refused_ranges\": 7", "\"throttled\": 8", "\"id\": \"net0\""}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(StatsJsonTest, PrivateMemoryIsThereForMachinesThatHaveIt) {
  RunOutcome outcome;
  outcome.stats.emplace();
  EXPECT_EQ(StatsJson(outcome).find("conversions"), std::string::npos);
  outcome.stats->private_memory = PrivateMemoryStats{.private_allocated_bytes = 1,
                                                     .private_peak_bytes = 2,
                                                     .shared_allocated_bytes = 3,
                                                     .shared_peak_bytes = 4,
                                                     .device_bytes = 5,
                                                     .refused_device_accesses = 6,
                                                     .conversions_to_shared = 7,
                                                     .conversions_to_private = 8,
                                                     .conversions_refused = 9};
  const std::string json = StatsJson(outcome);
  for (const char* part : {"\"private_allocated_bytes\": 1", "\"private_peak_bytes\": 2",
                           "\"shared_allocated_bytes\": 3", "\"shared_peak_bytes\": 4",
                           "\"device_bytes\": 5", "\"refused_device_accesses\": 6",
                           "\"to_shared\": 7", "\"to_private\": 8", "\"refused\": 9"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

}  // namespace
}  // namespace sealvm
