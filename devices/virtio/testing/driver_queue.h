// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_TESTING_DRIVER_QUEUE_H_
#define SEALVM_DEVICES_VIRTIO_TESTING_DRIVER_QUEUE_H_

#include <stdint.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/virtqueue.h"
#include "memory/shared_view.h"

namespace sealvm {

// What DriverQueue stands on: one kind of ring.
class DriverQueue::Ring {
 public:
  virtual ~Ring() = default;
  virtual uint16_t Add(std::span<const GuestBuffer> readable,
                       std::span<const GuestBuffer> writable) = 0;
  virtual std::optional<Used> TakeUsed() = 0;
  virtual bool TakeKickWanted() = 0;
  virtual void WantInterrupts(bool wanted) = 0;

  uint16_t room() const { return room_; }

 protected:
  // A descriptor of either kind of ring, little-endian like the host: the last two are flags and
  // next in split rings, id and flags in packed ones.
  struct Descriptor {
    uint64_t gpa;
    uint32_t length;
    uint16_t third;
    uint16_t fourth;
  };

  Ring(TestGuest& guest, const QueueLayout& layout, const Options& options)
      : guest_(guest), layout_(layout), options_(options), room_(layout.size) {
    tables_.resize(layout.size);
  }

  Gpa AddressOf(uint16_t index) const {
    return layout_.descriptor_area + sizeof(Descriptor) * index;
  }
  void Write(Gpa gpa, const Descriptor& descriptor);
  // Where request `token` has its indirect table; one that is long enough is used again.
  GuestBuffer TableFor(uint16_t token, size_t entries);
  uint16_t Load16(Gpa gpa) const;
  uint32_t Load32(Gpa gpa) const;
  void Store16(Gpa gpa, uint16_t value);

  TestGuest& guest_;
  const QueueLayout layout_;
  const Options options_;
  uint16_t room_;  // descriptors
  bool interrupts_wanted_ = true;

 private:
  std::vector<GuestBuffer> tables_;  // by token
};

class DriverQueue::SplitDriver final : public Ring {
 public:
  SplitDriver(TestGuest& guest, const QueueLayout& layout, const Options& options);
  uint16_t Add(std::span<const GuestBuffer> readable,
               std::span<const GuestBuffer> writable) override;
  std::optional<Used> TakeUsed() override;
  bool TakeKickWanted() override;
  void WantInterrupts(bool wanted) override;

 private:
  uint16_t TakeFree();
  void WriteChain(Gpa table, std::span<const uint16_t> indices,
                  std::span<const GuestBuffer> readable, std::span<const GuestBuffer> writable);
  void PublishInterruptWish();

  std::vector<uint16_t> free_;
  std::vector<std::vector<uint16_t>> taken_;  // descriptors by head
  uint16_t available_ = 0;
  uint16_t announced_ = 0;  // the available index at the last TakeKickWanted
  uint16_t used_ = 0;
};

class DriverQueue::PackedDriver final : public Ring {
 public:
  PackedDriver(TestGuest& guest, const QueueLayout& layout, const Options& options);
  uint16_t Add(std::span<const GuestBuffer> readable,
               std::span<const GuestBuffer> writable) override;
  std::optional<Used> TakeUsed() override;
  bool TakeKickWanted() override;
  void WantInterrupts(bool wanted) override;

 private:
  struct Position {
    uint16_t index = 0;
    bool wrap = true;
  };
  Position Advance(Position position, uint32_t entries) const;
  uint16_t FlagsAt(Position position, uint16_t flags) const;
  void PublishInterruptWish();

  std::vector<uint16_t> free_ids_;
  std::vector<uint16_t> entries_;  // by id
  Position available_;
  Position used_;
  uint32_t unannounced_ = 0;  // entries since the last TakeKickWanted
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_TESTING_DRIVER_QUEUE_H_
