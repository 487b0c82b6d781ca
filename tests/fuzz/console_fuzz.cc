// SPDX-License-Identifier: Apache-2.0
// A hostile driver and a clumsy host at a console: requests of any shape, configuration accesses of
// any width and place, keystrokes, sizes and resets. Output must come out as it was sent, input as
// it was typed.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devices/virtio/console/console_device.h"
#include "devices/virtio/testing/test_driver.h"
#include "memory/base/mutex.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

constexpr uint64_t kRamBytes = 16 * kMiB;
constexpr uint16_t kReceive = 0;
constexpr uint16_t kTransmit = 1;
constexpr size_t kMaxPieces = 8;
constexpr uint32_t kPieceRoom = 4096;

class Screen {
 public:
  void Add(std::span<const uint8_t> bytes) {
    SEALVM_FUZZ_CHECK(!bytes.empty() && bytes.size() <= ConsoleDevice::kOutputChunk);
    MutexLock lock(mutex_);
    text_.append(bytes.begin(), bytes.end());
  }
  std::string text() {
    MutexLock lock(mutex_);
    return text_;
  }

 private:
  Mutex mutex_;
  std::string text_ SEALVM_GUARDED_BY(mutex_);
};

class HostileDriver {
 public:
  explicit HostileDriver(FuzzInput& input) : input_(input) {
    const uint8_t choice = input_.TakeByte();
    const DriverQueue::Options ring = {.packed = (choice & 1) != 0,
                                       .indirect = (choice & 2) != 0,
                                       .event_idx = (choice & 4) != 0,
                                       .in_order = (choice & 8) != 0};
    driver_.emplace(guest_, *device_, ring);
    SEALVM_FUZZ_CHECK(driver_->Start().has_value());
    for (GuestBuffer& piece : pieces_) piece = guest_.Room(kPieceRoom);
  }

  void Run() {
    while (!input_.empty() && !driver_->transport().failure()) Step();
    // Only memory that is not there is a reason to stop.
    SEALVM_FUZZ_CHECK(stray_ || !driver_->transport().failure());
    driver_.reset();
    // Emergency writes come at any time between the others.
    if (!stray_) SEALVM_FUZZ_CHECK(WithoutBells(screen_.text()) == sent_);
    SEALVM_FUZZ_CHECK(typed_.starts_with(received_) || stray_);
  }

 private:
  void Step() {
    switch (input_.TakeByte() % 8) {
      case 0:
        return Type();
      case 1:
        return device_->Resize(input_.TakeByte(), input_.TakeByte());
      case 2:
        return ReadConfig();
      case 3:
        return WriteConfig();
      case 4:
        return Receive();
      case 5:
        if (input_.TakeByte() < 0xf0) return Receive();
        driver_->Reset();
        SEALVM_FUZZ_CHECK(driver_->Start().has_value());
        return;
      default:
        return Transmit();
    }
  }

  void Type() {
    const auto keys = input_.TakeBytes(input_.TakeByte());
    const size_t taken = device_->EnqueueInput(keys);
    SEALVM_FUZZ_CHECK(taken <= keys.size());
    typed_.append(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(taken));
  }

  uint64_t TakeOffset() {
    const uint8_t choice = input_.TakeByte();
    return choice < 0xc0 ? choice % 16 : ~uint64_t{0} - choice % 16;
  }

  void ReadConfig() {
    std::array<uint8_t, 16> bytes;
    bytes.fill(0xa7);
    const uint64_t offset = TakeOffset();
    const size_t length = input_.TakeByte() % bytes.size();
    device_->ReadConfig(offset, std::span(bytes).first(length));
    const auto rest = std::span(bytes).subspan(length);
    SEALVM_FUZZ_CHECK(std::ranges::all_of(rest, [](uint8_t byte) { return byte == 0xa7; }));
  }

  void WriteConfig() {
    std::array<uint8_t, 8> bytes;
    bytes.fill('\a');
    device_->WriteConfig(TakeOffset(), std::span(bytes).first(input_.TakeByte() % 9));
  }

  // Some of the pieces, each in part.
  std::vector<GuestBuffer> TakeBuffers() {
    std::vector<GuestBuffer> buffers;
    for (int count = input_.TakeByte() % kMaxPieces; count >= 0; --count) {
      GuestBuffer buffer = pieces_[buffers.size()];
      buffer.length = 1 + static_cast<uint32_t>(input_.TakeNumber(2)) % kPieceRoom;
      const uint8_t choice = input_.TakeByte();
      if (choice >= 0xf8) {
        buffer = {kRamBytes - 64 + input_.TakeNumber(5), buffer.length};
        stray_ = true;
      }
      buffers.push_back(buffer);
    }
    return buffers;
  }

  void Transmit() {
    const std::vector<GuestBuffer> buffers = TakeBuffers();
    for (const GuestBuffer& buffer : buffers) {
      std::vector<uint8_t> bytes(buffer.length, static_cast<uint8_t>('a' + sent_.size() % 26));
      if (guest_.view()->Write(buffer.gpa, bytes)) sent_.append(bytes.begin(), bytes.end());
    }
    const std::optional<uint32_t> written = driver_->Transact(kTransmit, buffers, {});
    SEALVM_FUZZ_CHECK(written.value_or(0) == 0);
    SEALVM_FUZZ_CHECK(written.has_value() || driver_->transport().failure());
  }

  void Receive() {
    // Only what is certain to be answered is waited for.
    if (received_.size() == typed_.size() || stray_) return;
    const std::vector<GuestBuffer> buffers = TakeBuffers();
    const std::optional<uint32_t> written = driver_->Transact(kReceive, {}, buffers);
    if (stray_) return;
    SEALVM_FUZZ_CHECK(written.has_value());
    std::string text;
    for (const GuestBuffer& buffer : buffers) text += guest_.ReadText(buffer);
    SEALVM_FUZZ_CHECK(*written <= text.size());
    received_ += text.substr(0, *written);
  }

  static std::string WithoutBells(std::string text) {
    std::erase(text, '\a');
    return text;
  }

  FuzzInput& input_;
  Screen screen_;
  TestGuest guest_{kRamBytes};
  std::shared_ptr<ConsoleDevice> device_ = *ConsoleDevice::Create(
      {}, {.output = [this](std::span<const uint8_t> bytes) { screen_.Add(bytes); }});
  std::optional<TestDriver> driver_;
  std::array<GuestBuffer, kMaxPieces> pieces_;
  bool stray_ = false;  // a buffer lay outside of the pieces
  std::string sent_;
  std::string typed_;
  std::string received_;
};

}  // namespace
}  // namespace sealvm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealvm::FuzzInput input({data, size});
  sealvm::HostileDriver driver(input);
  driver.Run();
  return 0;
}
