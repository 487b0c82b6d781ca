// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_namespace.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

namespace sealvm {

std::optional<std::string> EnterNewNetwork() {
  if (unshare(CLONE_NEWNET) != 0) {
    return std::string("no network namespace of our own: ") + strerror(errno);
  }
  if (!RunIp("link set lo up")) return "ip of iproute2 cannot bring the loopback up";
  return std::nullopt;
}

bool RunIp(const std::string& arguments) {
  return system(("PATH=$PATH:/usr/sbin:/sbin ip " + arguments).c_str()) == 0;
}

}  // namespace sealvm
