// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/queue_fuzz.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>
#include <vector>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/virtqueue.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm {
namespace {

// Rings and tables lie at the end of RAM, so that they may run out of it.
constexpr uint64_t kRamBytes = kMinRamSize;
constexpr uint64_t kWindowBytes = 32 * kKiB;
constexpr Gpa kWindow = kRamBytes - kWindowBytes;

// Flags of packed descriptors (Virtual I/O Device 1.3 section 2.8.1).
constexpr uint16_t kAvailable = 1 << 7;
constexpr uint16_t kUsed = 1 << 15;

struct Descriptor {
  uint64_t gpa;
  uint32_t length;
  uint16_t third;   // split: flags; packed: id
  uint16_t fourth;  // split: next; packed: flags
};

// One guest for all inputs: making one costs more than an input.
TestGuest& Guest() {
  static TestGuest guest(kRamBytes);
  return guest;
}

class HostileQueue {
 public:
  HostileQueue(bool packed, FuzzInput& input) : packed_(packed), input_(input) {
    SEALVM_FUZZ_CHECK(Memory().Fill(kWindow, kWindowBytes, 0).has_value());
    TakeLayout();
    features_ = FeatureBit(32) | (packed ? kFeaturePacked : 0) |
                static_cast<uint64_t>(input_.TakeByte() & 3) * kFeatureIndirect;
    auto ring = Virtqueue::Create(features_, layout_, Guest().view());
    const bool sound_size = layout_.size != 0 && layout_.size <= kMaxQueueSize &&
                            (packed || std::has_single_bit(layout_.size));
    SEALVM_FUZZ_CHECK(sound_size || !ring.has_value());
    if (ring) ring_ = *std::move(ring);
  }

  void Run() {
    while (ring_ && !input_.empty()) {
      const uint8_t operation = input_.TakeByte() % 10;
      if (operation < 4) {
        ActAsDriver(operation);
        continue;
      }
      const std::vector<uint8_t> before = Window();
      ActAsDevice(operation);
      CheckWrites(before);
    }
  }

 private:
  static GuestMemory& Memory() { return Guest().memory(); }
  static std::vector<uint8_t> Window() {
    std::vector<uint8_t> bytes(kWindowBytes);
    SEALVM_FUZZ_CHECK(Memory().Read(kWindow, bytes).has_value());
    return bytes;
  }

  // Mostly a ring that lies as it should; else areas anywhere.
  void TakeLayout() {
    constexpr std::array<uint16_t, 8> kSizes = {8, 1, 2, 4, 16, 64, 256, 3};
    const uint8_t choice = input_.TakeByte();
    layout_ = {kSizes[choice % kSizes.size()], kWindow, kWindow + 0x1000, kWindow + 0x2000};
    if (choice < 0xe0) return;
    layout_.size = static_cast<uint16_t>(input_.TakeNumber(2));
    for (Gpa* area : {&layout_.descriptor_area, &layout_.driver_area, &layout_.device_area}) {
      *area = TakeAddress();
    }
  }

  Gpa TakeAddress() {
    const uint8_t choice = input_.TakeByte();
    if (choice < 0xc0) return kWindow + uint64_t{choice} * 0x80;
    if (choice < 0xe0) return kRamBytes - (choice & 0x1f);
    if (choice < 0xf0) return ~uint64_t{0} - (choice & 0xf) * 16 + 1;
    return input_.TakeNumber(8);
  }

  uint32_t TakeLength() {
    const uint8_t choice = input_.TakeByte();
    if (choice < 0xf0) return choice * 16u;
    return static_cast<uint32_t>(input_.TakeNumber(4));
  }

  // What lies outside of RAM is not written by the driver either.
  void Scribble(Gpa gpa, std::span<const uint8_t> bytes) {
    static_cast<void>(Memory().Write(gpa, bytes));
  }
  void Store16(Gpa gpa, uint64_t value) {
    const std::array<uint8_t, 2> bytes = {static_cast<uint8_t>(value),
                                          static_cast<uint8_t>(value >> 8)};
    Scribble(gpa, bytes);
  }

  void ActAsDriver(uint8_t operation) {
    switch (operation) {
      case 0: {
        const Gpa gpa = kWindow + input_.TakeNumber(2) % kWindowBytes;
        const uint8_t length = input_.TakeByte();
        Scribble(gpa, input_.TakeBytes(length % 64));
        return;
      }
      case 1:
        // In the ring, or in tables behind it.
        return Describe(input_.TakeByte());
      case 2:
        return Offer();
      default: {
        const bool second = (input_.TakeByte() & 1) != 0;
        return WishForInterrupts(second, input_.TakeNumber(2));
      }
    }
  }

  // Flags or event, of which each kind of ring has another one first.
  void WishForInterrupts(bool second, uint64_t wish) {
    const uint64_t offset = packed_ ? 2 : 4 + uint64_t{2} * layout_.size;
    Store16(layout_.driver_area + (second ? offset : 0), wish);
  }

  void Describe(uint64_t index) {
    const Gpa gpa = TakeAddress();
    const uint32_t length = TakeLength();
    const uint8_t flags = input_.TakeByte();
    const uint8_t other = input_.TakeByte();
    const Descriptor descriptor =
        packed_ ? Descriptor{gpa, length, other, static_cast<uint16_t>((flags & 7) | Turn(flags))}
                : Descriptor{gpa, length, static_cast<uint16_t>(flags & 7), other};
    Scribble(layout_.descriptor_area + kDescriptorBytes * index,
             {reinterpret_cast<const uint8_t*>(&descriptor), sizeof(descriptor)});
  }

  // Mostly what the driver's turn asks for.
  uint16_t Turn(uint8_t flags) const {
    if (flags >= 0xf0) return static_cast<uint16_t>((flags & 1) * kAvailable | (flags & 8) << 12);
    return wrap_ ? kAvailable : kUsed;
  }

  void Offer() {
    if (packed_) {
      Describe(position_);
      position_ = static_cast<uint16_t>((position_ + 1) % layout_.size);
      wrap_ ^= position_ == 0;
      return;
    }
    const uint8_t choice = input_.TakeByte();
    Store16(layout_.driver_area + 4 + 2 * (position_ % layout_.size), choice);
    position_ = static_cast<uint16_t>(position_ + (choice < 0xf0 ? 1 : choice));
    Store16(layout_.driver_area + 2, position_);
  }

  void ActAsDevice(uint8_t operation) {
    switch (operation) {
      case 4:
      case 5:
        return Pop();
      case 6:
        return Push();
      case 7:
        return PutBack();
      case 8:
        static_cast<void>(ring_->TakeInterruptWanted());
        return;
      default: {
        const bool wanted = (input_.TakeByte() & 1) != 0;
        const Result<bool> more = ring_->WantKicks(wanted);
        SEALVM_FUZZ_CHECK(wanted || !more.value_or(false));
      }
    }
  }

  void Pop() {
    DescriptorChain chain;
    const Result<bool> popped = ring_->Pop(chain);
    SEALVM_FUZZ_CHECK(popped.has_value() || popped.error().kind == ErrorKind::kInvalidInput);
    if (!popped.value_or(false)) return;
    CheckChain(chain);
    held_.push_back(std::move(chain));
    uint64_t entries = 0;
    for (const DescriptorChain& held : held_) entries += held.ring_entries;
    SEALVM_FUZZ_CHECK(entries <= layout_.size);
  }

  void CheckChain(const DescriptorChain& chain) const {
    SEALVM_FUZZ_CHECK(chain.ring_entries >= 1 && chain.ring_entries <= layout_.size);
    SEALVM_FUZZ_CHECK(packed_ || chain.id < layout_.size);
    const size_t buffers = chain.readable().size() + chain.writable().size();
    const size_t bound =
        layout_.size + ((features_ & kFeatureIndirect) != 0 ? kMaxIndirectEntries : 0);
    SEALVM_FUZZ_CHECK(buffers >= 1 && buffers <= bound);
    CheckBuffers(chain.readable(), chain.readable_bytes());
    CheckBuffers(chain.writable(), chain.writable_bytes());
  }

  static void CheckBuffers(std::span<const GuestBuffer> buffers, uint64_t expected) {
    uint64_t bytes = 0;
    for (const GuestBuffer& buffer : buffers) {
      SEALVM_FUZZ_CHECK(buffer.length != 0 && buffer.gpa + buffer.length > buffer.gpa);
      bytes += buffer.length;
    }
    SEALVM_FUZZ_CHECK(bytes == expected && bytes <= uint64_t{1} << 32);
  }

  void Push() {
    const uint8_t choice = input_.TakeByte();
    if (held_.empty()) return;
    std::swap(held_[choice % held_.size()], held_.back());
    const DescriptorChain chain = std::move(held_.back());
    held_.pop_back();
    static_cast<void>(ring_->Push(chain, static_cast<uint32_t>(input_.TakeNumber(2))));
  }

  // What was put back comes again as long as the driver leaves it alone.
  void PutBack() {
    DescriptorChain chain;
    if (!ring_->Pop(chain).value_or(false)) return;
    ring_->Unpop();
    DescriptorChain again;
    SEALVM_FUZZ_CHECK(ring_->Pop(again).value_or(false));
    SEALVM_FUZZ_CHECK(again.id == chain.id && again.ring_entries == chain.ring_entries);
    SEALVM_FUZZ_CHECK(std::ranges::equal(again.readable(), chain.readable()));
    SEALVM_FUZZ_CHECK(std::ranges::equal(again.writable(), chain.writable()));
    ring_->Unpop();
  }

  // The device writes into its own area and, in packed rings, over descriptors.
  void CheckWrites(const std::vector<uint8_t>& before) const {
    const std::vector<uint8_t> after = Window();
    if (before == after) return;
    const uint64_t device_bytes = packed_ ? 4 : 6 + uint64_t{8} * layout_.size;
    for (size_t i = 0; i < kWindowBytes; ++i) {
      if (before[i] == after[i]) continue;
      const Gpa gpa = kWindow + i;
      const bool device_area = gpa - layout_.device_area < device_bytes;
      const bool descriptor =
          gpa - layout_.descriptor_area < uint64_t{kDescriptorBytes} * layout_.size;
      SEALVM_FUZZ_CHECK(device_area || (packed_ && descriptor));
    }
  }

  const bool packed_;
  FuzzInput& input_;
  QueueLayout layout_;
  uint64_t features_ = 0;
  std::unique_ptr<Virtqueue> ring_;
  std::vector<DescriptorChain> held_;
  // The driver's: the available index, or the packed ring's next entry and its turn.
  uint16_t position_ = 0;
  bool wrap_ = true;
};

}  // namespace

void FuzzQueue(bool packed, std::span<const uint8_t> bytes) {
  FuzzInput input(bytes);
  HostileQueue(packed, input).Run();
}

}  // namespace sealvm
