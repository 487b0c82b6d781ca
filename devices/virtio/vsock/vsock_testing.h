// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_TESTING_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_TESTING_H_

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "devices/virtio/testing/test_driver.h"
#include "devices/virtio/vsock/vsock_device.h"
#include "devices/virtio/vsock/vsock_packet.h"
#include "memory/base/fd.h"

namespace sealvm {

// Doubles for the tests of the socket device: the guest's driver and programs of the host.

// A directory with a short name, removed with its content.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A program of the host: a connected socket. Reading gives up after 20 seconds, as after an end.
class HostProgram {
 public:
  explicit HostProgram(Fd socket);
  static HostProgram ConnectTo(const std::string& path);

  int fd() const { return socket_.get(); }
  // All of it, waiting for room. False: the other side does not take it.
  bool Send(const std::string& text);
  // What there is room for now.
  size_t SendWithoutWaiting(const std::string& text);
  // As many bytes as asked for, or fewer before the end.
  std::string Read(size_t length);
  std::string ReadLine();
  bool AtEnd() { return Read(1).empty(); }
  void EndSending();
  void Close() { socket_.Reset(); }

 private:
  Fd socket_;
};

// A program of the host that listens.
class HostService {
 public:
  explicit HostService(const std::string& path);
  HostProgram Accept();

 private:
  Fd socket_;
};

struct VsockPacket {
  VsockHeader header;
  std::string payload;
};

// A guest's driver of the device. It sends one packet at a time.
class VsockGuest {
 public:
  static constexpr uint32_t kCid = 7;
  static constexpr uint32_t kRoom = 4096;  // of a receive buffer
  static constexpr uint32_t kBuffer = 256 << 10;

  VsockGuest(VsockDevice& device, DriverQueue::Options options);

  TestDriver& driver() { return driver_; }
  TestGuest& memory() { return memory_; }

  // Makes `count` receive buffers available; what they got is made available again by Next.
  void GiveBuffers(int count);
  void Reset();

  // A header with the guest's addresses and credit.
  VsockHeader Header(VsockOp op, uint32_t host_port, uint32_t guest_port) const;
  // False: the device did not take it.
  bool Send(const VsockHeader& header, const std::string& payload = {});
  bool Send(VsockOp op, uint32_t host_port, uint32_t guest_port, uint32_t flags = 0);
  bool SendData(uint32_t host_port, uint32_t guest_port, const std::string& payload);
  // Makes a packet available and does not wait for the device to take it.
  void Submit(const VsockHeader& header);

  // The next packet of the device, waited for.
  std::optional<VsockPacket> Next();

 private:
  void Give(GuestBuffer buffer);

  TestGuest memory_{64 << 20};
  TestDriver driver_;
  GuestBuffer header_ = memory_.Room(kVsockHeaderBytes);
  GuestBuffer payload_ = memory_.Room(1 << 20);
  std::map<uint16_t, GuestBuffer> given_;  // by token
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_VSOCK_TESTING_H_
