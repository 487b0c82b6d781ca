// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/mac_from_seed.h"

#include <stddef.h>
#include <stdint.h>

namespace sealvm {

MacAddress MacFromSeed(std::string_view seed) {
  // FNV-1a of 64 bits (RFC 9923), whose high bits a last multiplication mixes into the others.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : seed) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
  MacAddress mac;
  for (size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<uint8_t>(hash >> (56 - 8 * i));
  mac[0] = static_cast<uint8_t>((mac[0] & ~0x03) | 0x02);
  return mac;
}

}  // namespace sealvm
