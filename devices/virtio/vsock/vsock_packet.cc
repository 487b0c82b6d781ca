// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_packet.h"

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Gives the fields their places one after the other.
class FieldReader {
 public:
  explicit FieldReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  template <typename T>
  T Take() {
    const uint64_t value = LoadLeAny(rest_.first(sizeof(T)));
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(value);
  }

 private:
  std::span<const uint8_t> rest_;
};

class FieldWriter {
 public:
  explicit FieldWriter(std::span<uint8_t> bytes) : rest_(bytes) {}

  template <typename T>
  void Put(T value) {
    StoreLeAny(rest_.first(sizeof(T)), static_cast<uint64_t>(value));
    rest_ = rest_.subspan(sizeof(T));
  }

 private:
  std::span<uint8_t> rest_;
};

}  // namespace

VsockHeaderBytes EncodeVsockHeader(const VsockHeader& header) {
  VsockHeaderBytes bytes;
  FieldWriter fields(bytes);
  fields.Put(header.src_cid);
  fields.Put(header.dst_cid);
  fields.Put(header.src_port);
  fields.Put(header.dst_port);
  fields.Put(header.len);
  fields.Put(header.type);
  fields.Put(header.op);
  fields.Put(header.flags);
  fields.Put(header.buf_alloc);
  fields.Put(header.fwd_cnt);
  return bytes;
}

VsockHeader DecodeVsockHeader(const VsockHeaderBytes& bytes) {
  FieldReader fields(bytes);
  VsockHeader header;
  header.src_cid = fields.Take<uint64_t>();
  header.dst_cid = fields.Take<uint64_t>();
  header.src_port = fields.Take<uint32_t>();
  header.dst_port = fields.Take<uint32_t>();
  header.len = fields.Take<uint32_t>();
  header.type = fields.Take<uint16_t>();
  header.op = fields.Take<VsockOp>();
  header.flags = fields.Take<uint32_t>();
  header.buf_alloc = fields.Take<uint32_t>();
  header.fwd_cnt = fields.Take<uint32_t>();
  return header;
}

VsockHeader VsockResetFor(const VsockHeader& packet) {
  return {.src_cid = packet.dst_cid,
          .dst_cid = packet.src_cid,
          .src_port = packet.dst_port,
          .dst_port = packet.src_port,
          .type = packet.type,
          .op = VsockOp::kReset};
}

}  // namespace sealvm
