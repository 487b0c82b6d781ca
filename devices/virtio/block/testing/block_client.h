// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_CLIENT_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_CLIENT_H_

#include <stdint.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devices/virtio/block/block_protocol.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {

// Sends requests to one queue of a block device as a guest's driver does: header, data and status
// in buffers of their own. One thread.
class BlockClient {
 public:
  // What the driver finds when a request is back.
  struct Answer {
    uint8_t status = 0xff;
    uint32_t written = 0;
  };

  BlockClient(TestDriver& driver, uint16_t queue) : driver_(driver), queue_(queue) {}

  // Makes a request available and kicks; the result names it in Wait.
  uint16_t Submit(uint32_t type, uint64_t sector, std::span<const GuestBuffer> out = {},
                  std::span<const GuestBuffer> in = {});
  // The next request that is back and its answer; none when the device failed.
  std::optional<std::pair<uint16_t, Answer>> Wait();
  // Whether a request is back. Does not wait.
  bool Poll();

  // Submit and Wait; the status is 0xff when the device failed. With nothing else in flight.
  Answer Do(uint32_t type, uint64_t sector, std::span<const GuestBuffer> out = {},
            std::span<const GuestBuffer> in = {});

  // For the shape that most tests need. kBlkStatusOk or what went wrong.
  uint8_t Write(uint64_t sector, const std::string& data);
  uint8_t Flush() { return Do(kBlkFlush, 0).status; }
  uint8_t Segments(uint32_t type, std::span<const BlkSegment> segments);
  // What was read; empty when the request failed.
  std::string Read(uint64_t sector, uint32_t length);

 private:
  struct Frame {
    GuestBuffer header;
    GuestBuffer status;
  };
  Frame TakeFrame();
  std::pair<uint16_t, Answer> Complete(const DriverQueue::Used& used);

  TestDriver& driver_;
  const uint16_t queue_;
  std::vector<Frame> frames_;  // free
  std::map<uint16_t, Frame> in_flight_;
  std::vector<std::pair<uint16_t, Answer>> back_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_CLIENT_H_
