// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/address_space.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace sealvm::secrecy {
namespace {

constexpr uint64_t kUserEnd = uint64_t{1} << 63;  // the vsyscall page lies above

}  // namespace

std::vector<Region> ReadRegions(const std::string& process) {
  std::vector<Region> regions;
  std::ifstream maps("/proc/" + process + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    Region region;
    char dash = 0;
    std::string offset, device, inode;
    words >> std::hex >> region.begin >> dash >> region.end >> region.protection >> offset >>
        device >> inode;
    std::getline(words >> std::ws, region.name);
    if (region.begin < region.end && region.end < kUserEnd) regions.push_back(region);
  }
  return regions;
}

std::vector<int> ReadDescriptors(const std::string& process) {
  std::vector<int> numbers;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + process + "/fd", ignored)) {
    const std::string name = entry.path().filename();
    int number = -1;
    std::from_chars(name.data(), name.data() + name.size(), number);
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace sealvm::secrecy
