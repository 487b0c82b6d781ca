// SPDX-License-Identifier: Apache-2.0
//
// A hostile firmware at fw_cfg: its ports in any order and width, and DMA requests whose words and
// places it chose.

#include <array>
#include <memory>
#include <vector>

#include "devices/fw_cfg/fw_cfg_device.h"
#include "devices/virtio/testing/test_driver.h"
#include "memory/base/endian.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

constexpr uint64_t kRam = 2 * kMiB;
constexpr uint16_t kPorts = 12;
constexpr size_t kItemBytes = 3000;

FwCfgItems Items() {
  FwCfgItems items;
  items.Add16(kFwCfgCpus, 2);
  items.Add(kFwCfgKernelData, std::make_shared<FwCfgBytes>(std::vector<uint8_t>(kItemBytes, 0x5a)));
  SEALVM_FUZZ_CHECK(items.AddFile("etc/a", {1, 2, 3}).has_value());
  return items;
}

class Firmware {
 public:
  void Step(FuzzInput& input) {
    const uint8_t what = input.TakeByte();
    switch (what % 4) {
      case 0:
        return Access(input, what);
      case 1:
        return Write(0, input.TakeNumber(2), 2);
      case 2:
        return Request(input, input.TakeNumber(3) % kRam);
      default:
        return Request(input, Place(input));
    }
  }

  // Whatever was written, the first item reads as ever.
  void Check() {
    Write(0, kFwCfgSignature, 2);
    for (const char expected : {'Q', 'E', 'M', 'U', '\0'}) {
      uint8_t byte = 0xff;
      device_.Read(1, {&byte, 1});
      SEALVM_FUZZ_CHECK(byte == static_cast<uint8_t>(expected));
    }
  }

 private:
  void Access(FuzzInput& input, uint8_t what) {
    const size_t width = size_t{1} << (what >> 2) % 3;
    const uint64_t offset = input.TakeByte() % (kPorts - width + 1);
    if ((what & 0x80) != 0) return Write(offset, input.TakeNumber(width), width);
    std::array<uint8_t, 4> bytes = {};
    device_.Read(offset, std::span(bytes).first(width));
  }

  void Write(uint64_t offset, uint64_t value, size_t width) {
    std::array<uint8_t, 4> bytes = {};
    StoreLeAny(bytes, value);
    device_.Write(offset, std::span(bytes).first(width));
  }

  // Near an end of RAM or of the number, where sums wrap.
  static Gpa Place(FuzzInput& input) {
    const uint64_t near = input.TakeByte();
    switch (near >> 6) {
      case 0:
        return kRam - near % 64;
      case 1:
        return ~uint64_t{0} - near % 64;
      case 2:
        return (uint64_t{1} << 32) - near % 64;
      default:
        return input.TakeNumber(8);
    }
  }

  static std::array<uint8_t, 4> Be(uint64_t value) {
    std::array<uint8_t, 4> bytes = {};
    StoreLeAny(bytes, __builtin_bswap32(static_cast<uint32_t>(value)));
    return bytes;
  }

  void Request(FuzzInput& input, Gpa at) {
    const uint64_t control = input.TakeNumber(4);
    const uint64_t length = input.TakeNumber(input.TakeByte() % 5);
    const Gpa target = input.TakeByte() % 2 == 0 ? input.TakeNumber(3) : Place(input);
    std::vector<uint8_t> bytes;
    for (const uint64_t word : {control, length, target >> 32, target}) {
      for (const uint8_t byte : Be(word)) bytes.push_back(byte);
    }
    const bool is_there = guest_.view()->Write(at, bytes).has_value();
    device_.Write(4, Be(at >> 32));
    device_.Write(8, Be(at));
    if (!is_there) return;
    std::array<uint8_t, 4> answer = {};
    SEALVM_FUZZ_CHECK(guest_.view()->Read(at, answer).has_value());
    SEALVM_FUZZ_CHECK(answer == Be(0) || answer == Be(1));
  }

  TestGuest guest_{kRam};
  FwCfgDevice device_{Items(), guest_.view(), {}};
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::Firmware firmware;
  while (!input.empty()) firmware.Step(input);
  firmware.Check();
  return 0;
}
