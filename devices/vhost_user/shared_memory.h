// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_SHARED_MEMORY_H_
#define SEALVM_DEVICES_VHOST_USER_SHARED_MEMORY_H_

#include <stdint.h>

#include <memory>
#include <vector>

#include "devices/vhost_user/protocol.h"
#include "devices/virtio/virtqueue.h"
#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "memory/shared_view.h"

// What a vhost-user back-end gets of a guest's memory: all that SharedView::memory() is. Where the
// guest keeps memory private that is the shared half alone; private memory lies in another object,
// which is never handed over. Of pages that the guest has made private the back-end sees holes of
// the shared half: zeroes, which cost memory again once it touches them.

namespace sealvm::vhost_user {

// The guest's RAM as a memory table for its one file. User addresses are guest addresses: the
// back-end needs no address of ours.
std::vector<MemoryRegion> RegionsOf(const GuestLayout& layout);

// A process that holds the file must not make accesses of others fail: sees to it that its size is
// fixed (F_SEAL_SHRINK, F_SEAL_GROW) and that no more seals can come (F_SEAL_SEAL; fcntl(2)). An
// error when that cannot be had: do not hand the file over.
Result<> SealForSharing(int fd);

// Whether a ring is one that a back-end may be told of: kInvalidInput for a layout that breaks the
// rules of rings or does not lie in RAM.
Result<> CheckRing(uint64_t features, const QueueLayout& layout,
                   const std::shared_ptr<SharedView>& memory);

}  // namespace sealvm::vhost_user

#endif  // SEALVM_DEVICES_VHOST_USER_SHARED_MEMORY_H_
