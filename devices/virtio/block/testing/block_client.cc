// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/testing/block_client.h"

#include <utility>

#include "devices/virtio/testing/must.h"

namespace sealvm {

BlockClient::Frame BlockClient::TakeFrame() {
  if (frames_.empty()) return {driver_.guest().Room(sizeof(BlkHeader)), driver_.guest().Room(1)};
  const Frame frame = frames_.back();
  frames_.pop_back();
  return frame;
}

uint16_t BlockClient::Submit(uint32_t type, uint64_t sector, std::span<const GuestBuffer> out,
                             std::span<const GuestBuffer> in) {
  const Frame frame = TakeFrame();
  const BlkHeader header = {.type = type, .reserved = 0, .sector = sector};
  const uint8_t unset = 0xff;
  SharedView& memory = *driver_.guest().view();
  Must(memory.Write(frame.header.gpa, {reinterpret_cast<const uint8_t*>(&header), sizeof(header)}));
  Must(memory.Write(frame.status.gpa, {&unset, 1}));
  std::vector<GuestBuffer> readable = {frame.header};
  readable.insert(readable.end(), out.begin(), out.end());
  std::vector<GuestBuffer> writable(in.begin(), in.end());
  writable.push_back(frame.status);
  // Before the device can answer.
  const uint16_t token = driver_.queue(queue_).Add(readable, writable);
  in_flight_[token] = frame;
  driver_.Kick(queue_);
  return token;
}

std::pair<uint16_t, BlockClient::Answer> BlockClient::Complete(const DriverQueue::Used& used) {
  const Frame frame = in_flight_.at(used.token);
  in_flight_.erase(used.token);
  frames_.push_back(frame);
  return {used.token, {driver_.guest().Read(frame.status)[0], used.written}};
}

std::optional<std::pair<uint16_t, BlockClient::Answer>> BlockClient::Wait() {
  if (!back_.empty()) {
    const auto first = back_.front();
    back_.erase(back_.begin());
    return first;
  }
  const std::optional<DriverQueue::Used> used = driver_.Wait(queue_);
  if (!used) return std::nullopt;
  return Complete(*used);
}

bool BlockClient::Poll() {
  if (const auto used = driver_.queue(queue_).TakeUsed()) back_.push_back(Complete(*used));
  return !back_.empty();
}

BlockClient::Answer BlockClient::Do(uint32_t type, uint64_t sector,
                                    std::span<const GuestBuffer> out,
                                    std::span<const GuestBuffer> in) {
  Submit(type, sector, out, in);
  const auto back = Wait();
  return back ? back->second : Answer{};
}

uint8_t BlockClient::Write(uint64_t sector, const std::string& data) {
  const GuestBuffer buffer = driver_.guest().Place(data);
  return Do(kBlkOut, sector, {&buffer, 1}).status;
}

uint8_t BlockClient::Segments(uint32_t type, std::span<const BlkSegment> segments) {
  const GuestBuffer buffer = driver_.guest().Place(
      {reinterpret_cast<const uint8_t*>(segments.data()), segments.size_bytes()});
  return Do(type, 0, {&buffer, 1}).status;
}

std::string BlockClient::Read(uint64_t sector, uint32_t length) {
  const GuestBuffer buffer = driver_.guest().Room(length);
  const Answer answer = Do(kBlkIn, sector, {}, {&buffer, 1});
  return answer.status == kBlkStatusOk ? driver_.guest().ReadText(buffer) : "";
}

}  // namespace sealvm
