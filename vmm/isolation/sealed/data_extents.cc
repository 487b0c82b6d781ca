// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/data_extents.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "memory/guest_layout.h"

namespace sealvm {

Result<std::vector<BackingRange>> FindDataExtents(int fd, BackingRange range, uint64_t merge_gap) {
  std::vector<BackingRange> extents;
  const uint64_t end = range.offset + range.length;
  uint64_t position = range.offset;
  while (position < end) {
    const off_t data = lseek(fd, static_cast<off_t>(position), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // no data from here on
    if (data < 0) return SystemError("lseek(SEEK_DATA)", "guest image", errno);
    if (static_cast<uint64_t>(data) >= end) break;
    const off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return SystemError("lseek(SEEK_HOLE)", "guest image", errno);
    const uint64_t begin = PageFloor(static_cast<uint64_t>(data));
    position = std::min(end, PageCeil(static_cast<uint64_t>(hole)));
    if (!extents.empty() && begin - extents.back().offset - extents.back().length < merge_gap) {
      extents.back().length = position - extents.back().offset;
    } else {
      extents.push_back({begin, position - begin});
    }
  }
  return extents;
}

}  // namespace sealvm
