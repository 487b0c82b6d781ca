// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/lab/load/endpoint.h"

namespace sealvm::load {
namespace {

constexpr char kPrograms[] = "tests/lab/load/";

int ExitOf(const std::string& command) {
  return WEXITSTATUS(system((kPrograms + command).c_str()));
}

std::string TempPath(const std::string& name) {
  return (std::filesystem::path(testing::TempDir()) / name).string();
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* text : {"", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:65536", "tcp:name:1",
                           "vsock:x:1", "vsock:2:", "unix:", "udp:127.0.0.1:1"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
}

TEST(Endpoint, AUnixPathMayEndInAGuestPort) {
  EXPECT_FALSE(ParseEndpoint("unix:/tmp/socket")->guest_port);
  EXPECT_EQ(ParseEndpoint("unix:/tmp/socket:52")->guest_port, 52u);
}

TEST(StreamLoad, BothDirectionsArriveIntact) {
  // A socket's path has 107 bytes at most, and the tests' own folder may take them all.
  std::string folder = "/tmp/stream-load.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string place = "unix:" + folder + "/socket";
  const std::string server = std::string(kPrograms) + "stream_load serve " + place + " 3 & ";
  EXPECT_EQ(WEXITSTATUS(system((server + kPrograms + "stream_load up 2 " + place + " && " +
                                kPrograms + "stream_load down 2 " + place + " && " + kPrograms +
                                "stream_load both 2 " + place + " && wait")
                                   .c_str())),
            0);
  std::filesystem::remove_all(folder);
}

TEST(DiskLoad, CheckFindsOneChangedByte) {
  const std::string path = TempPath("content");
  ASSERT_EQ(ExitOf("disk_load fill " + path + " 2"), 0);
  ASSERT_EQ(ExitOf("disk_load check " + path + " 2"), 0);
  std::fstream file(path);
  file.seekp(1500000);
  file.put('!');
  file.close();
  EXPECT_EQ(ExitOf("disk_load check " + path + " 2"), 1);
}

TEST(DiskLoad, OnlyRecordsFromTheFirstOnCount) {
  const std::string path = TempPath("records");
  std::filesystem::remove(path);
  ASSERT_EQ(ExitOf("disk_load write-records " + path + " | head -n 5 >/dev/null"), 0);
  ASSERT_EQ(ExitOf("disk_load check-records " + path + " >" + path + ".all"), 0);
  std::fstream file(path);
  file.seekp(3000 * 2 + 100);  // in the third record
  file.put('!');
  file.close();
  EXPECT_EQ(ExitOf("disk_load check-records " + path + " | grep -qx '@@RECORDS 2'"), 0);
  EXPECT_EQ(std::filesystem::file_size(path), 6000u);
}

TEST(ChangeCode, RefusesWhatIsNoTime) {
  for (const char* time : {"", "0", "-1", "x", "1s", "3601", "99999999999999999999", "1 1"}) {
    EXPECT_EQ(ExitOf(std::string("change_code ") + time + " 2>/dev/null"), 2) << time;
  }
}

}  // namespace
}  // namespace sealvm::load
