// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_DISK_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_DISK_H_

#include <stdint.h>

#include <memory>

#include "devices/virtio/block/block_device.h"
#include "devices/virtio/block/testing/block_client.h"
#include "devices/virtio/testing/must.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {

// A block device with a guest that drives it, started. Aborts when something fails.
class BlockDisk {
 public:
  struct Setup {
    BlockOptions block;
    BlockEngineFactory engine = {};  // instead of block.engine
    DriverQueue::Options ring = {};
    uint64_t features = ~uint64_t{0};
  };

  explicit BlockDisk(const Setup& setup)
      : device_(Must(setup.engine ? BlockDevice::Create(setup.block, setup.engine)
                                  : BlockDevice::Create(setup.block))),
        driver_(guest_, *device_, setup.ring, setup.features),
        client_(driver_, 0) {
    Must(driver_.Start());
  }

  BlockDevice& device() { return *device_; }
  TestGuest& guest() { return guest_; }
  TestDriver& driver() { return driver_; }
  // Of queue 0.
  BlockClient& client() { return client_; }
  bool failed() { return driver_.transport().failure().has_value(); }

 private:
  TestGuest guest_;
  std::shared_ptr<BlockDevice> device_;
  TestDriver driver_;
  BlockClient client_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_TESTING_BLOCK_DISK_H_
