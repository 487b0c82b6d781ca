// SPDX-License-Identifier: Apache-2.0
// Has Intel's ASL compiler (package acpica-tools) read every table and compile the DSDT's
// disassembly again.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "vmm/boot/acpi/acpi_tables.h"
#include "vmm/boot/boot_layout.h"

namespace sealvm {
namespace {

constexpr const char* kIasl = "/usr/bin/iasl";

struct RunResult {
  int exit_code = -1;
  std::string output;
};

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Runs iasl with `arguments`; its output goes to a file in `directory`.
RunResult RunIasl(const std::string& directory, std::vector<std::string> arguments) {
  const std::string log = directory + "/iasl.log";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  arguments.insert(arguments.begin(), kIasl);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  RunResult result;
  pid_t child = 0;
  if (posix_spawn(&child, kIasl, &actions, nullptr, argv.data(), environ) == 0) {
    int status = 0;
    waitpid(child, &status, 0);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  posix_spawn_file_actions_destroy(&actions);
  result.output = ReadText(log);
  return result;
}

struct Case {
  std::string name;
  PlatformDescription platform;
};

std::vector<Case> MakeCases() {
  Case usual = {.name = "Usual", .platform = {}};
  Case bare = {
      .name = "Bare",
      .platform = {.io_apic = false, .serial = false, .pvpanic = false, .power_button = false}};
  Case full = {.name = "Full", .platform = {.rtc = true, .i8042 = true}};
  full.platform.apic_ids.resize(64);
  std::iota(full.platform.apic_ids.begin(), full.platform.apic_ids.end(), 230u);
  full.platform.pci_host_bridge =
      PciHostBridge{.last_bus = 255,
                    .high_mmio_base = 0x80'0000'0000,
                    .high_mmio_length = 4 * kGiB,
                    .routes = {{.device = 1, .pin = 0, .gsi = 11}, {.device = 2, .pin = 3}}};
  Case fixed = {.name = "FixedHardware", .platform = {.io_apic = false, .dual_8259 = true}};
  fixed.platform.fixed_hardware =
      AcpiFixedHardware{.pm1_event_port = 0x620, .pm1_control_port = 0x624, .pm_timer_port = 0x628};
  Case event_memory = fixed;
  event_memory.name = "EventBlockInMemory";
  event_memory.platform.fixed_hardware->pm1_event_memory = 0xfed82000;
  return {usual, bare, full, fixed, event_memory};
}

class Iasl : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (access(kIasl, X_OK) != 0) {
      GTEST_SKIP() << kIasl << " is not installed (package acpica-tools)";
    }
    const char* base = getenv("TEST_TMPDIR");
    directory_ = fmt::format("{}/iasl-XXXXXX", base != nullptr ? base : "/tmp");
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    const auto tables = BuildAcpiTables(GetParam().platform, kAcpiAreaBase, kAcpiAreaSize);
    ASSERT_TRUE(tables.has_value()) << tables.error().ToString();
    tables_ = *tables;
    for (const AcpiTablePlace& place : tables_.tables) WriteTable(place);
  }

  void TearDown() override {
    for (const std::string& file : files_) unlink(file.c_str());
    if (!directory_.empty()) rmdir(directory_.c_str());
  }

  std::string Path(const std::string& name) {
    files_.push_back(directory_ + "/" + name);
    return files_.back();
  }

  void WriteTable(const AcpiTablePlace& place) {
    std::ofstream file(Path(place.signature + ".aml"), std::ios::binary);
    const auto* start = tables_.bytes.data() + (place.gpa - tables_.base);
    file.write(reinterpret_cast<const char*>(start), static_cast<std::streamsize>(place.size));
  }

  std::string directory_;
  std::vector<std::string> files_;
  AcpiTables tables_;
};

INSTANTIATE_TEST_SUITE_P(AcpiTables, Iasl, testing::ValuesIn(MakeCases()),
                         [](const auto& instance) { return instance.param.name; });

// iasl's disassembler exits with 0 even for tables it dislikes; it says so in its output or in the
// listing.
TEST_P(Iasl, DisassemblesEveryTable) {
  Path("iasl.log");
  for (const AcpiTablePlace& place : tables_.tables) {
    const std::string listing = Path(place.signature + ".dsl");

    const RunResult run = RunIasl(directory_, {"-d", directory_ + "/" + place.signature + ".aml"});

    EXPECT_EQ(run.exit_code, 0) << run.output;
    for (const char* complaint : {"Error", "Warning", "Invalid", "Incorrect", "Could not"}) {
      EXPECT_EQ(run.output.find(complaint), std::string::npos) << run.output;
      EXPECT_EQ(ReadText(listing).find(complaint), std::string::npos) << ReadText(listing);
    }
    EXPECT_FALSE(ReadText(listing).empty()) << place.signature;
  }
}

TEST_P(Iasl, CompilesTheDsdtAgainWithoutComplaint) {
  Path("iasl.log");
  Path("DSDT.dsl");
  ASSERT_EQ(RunIasl(directory_, {"-d", directory_ + "/DSDT.aml"}).exit_code, 0);

  const RunResult run = RunIasl(directory_, {directory_ + "/DSDT.dsl"});

  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_NE(run.output.find("0 Errors, 0 Warnings"), std::string::npos) << run.output;
}

}  // namespace
}  // namespace sealvm
