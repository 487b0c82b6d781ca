// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/console/console_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Virtual I/O Device 1.3: queues, section 5.3.2; features, 5.3.3; configuration, 5.3.4.
constexpr uint16_t kReceiveQueue = 0;
constexpr uint64_t kFeatureSize = FeatureBit(0);
constexpr uint64_t kFeatureEmergencyWrite = FeatureBit(2);
constexpr size_t kColsOffset = 0;
constexpr size_t kRowsOffset = 2;
constexpr uint64_t kEmergencyOffset = 8;
constexpr size_t kConfigLength = 12;

// A bound on what the guest sends between two looks at other work.
constexpr size_t kBytesPerTurn = 256 << 10;

// Emergency writes that wait for the device's thread; what is more is lost.
constexpr size_t kEmergencyCapacity = 64 << 10;

Result<> CheckQueueSize(std::string_view name, uint16_t size) {
  if (std::has_single_bit(size) && size <= kMaxQueueSize) return {};
  return InvalidInput(fmt::format("console: {} queue size {} is not a power of two of at most {}",
                                  name, size, kMaxQueueSize));
}

}  // namespace

Result<std::shared_ptr<ConsoleDevice>> ConsoleDevice::Create(const ConsoleOptions& options,
                                                             ConsoleCallbacks callbacks) {
  SEALVM_TRY(CheckQueueSize("receive", options.receive_queue_size));
  SEALVM_TRY(CheckQueueSize("transmit", options.transmit_queue_size));
  return std::shared_ptr<ConsoleDevice>(new ConsoleDevice(options, std::move(callbacks)));
}

ConsoleDevice::ConsoleDevice(const ConsoleOptions& options, ConsoleCallbacks callbacks)
    : queue_sizes_{options.receive_queue_size, options.transmit_queue_size},
      callbacks_(std::move(callbacks)),
      cols_(options.cols),
      rows_(options.rows) {}

ConsoleDevice::~ConsoleDevice() { Reset(); }

uint64_t ConsoleDevice::Features() const {
  return kFeatureInOrder | kFeatureSize | kFeatureEmergencyWrite;
}

void ConsoleDevice::ReadConfig(uint64_t offset, std::span<uint8_t> out) {
  std::array<uint8_t, kConfigLength> config = {};
  {
    MutexLock lock(mutex_);
    StoreLeAny(std::span(config).subspan(kColsOffset, 2), cols_);
    StoreLeAny(std::span(config).subspan(kRowsOffset, 2), rows_);
  }
  std::ranges::fill(out, 0);
  if (offset >= config.size()) return;
  const auto rest = std::span(config).subspan(offset);
  std::ranges::copy(rest.first(std::min(rest.size(), out.size())), out.begin());
}

void ConsoleDevice::WriteConfig(uint64_t offset, std::span<const uint8_t> bytes) {
  if (offset == kEmergencyOffset && !bytes.empty()) EmergencyWrite(bytes[0]);
}

size_t ConsoleDevice::EnqueueInput(std::span<const uint8_t> bytes) {
  MutexLock lock(mutex_);
  size_t taken = 0;
  while (taken < bytes.size() && input_.Push(bytes[taken])) ++taken;
  if (taken < bytes.size()) input_refused_ = true;
  if (taken > 0 && news_loop_ != nullptr && !std::exchange(input_posted_, true)) {
    news_loop_->Post([this] {
      {
        MutexLock task_lock(mutex_);
        input_posted_ = false;
      }
      if (RunningQueue* receive = queue(kReceiveQueue)) Kick(*receive);
    });
  }
  return taken;
}

void ConsoleDevice::Resize(uint16_t cols, uint16_t rows) {
  MutexLock lock(mutex_);
  if (cols_ == cols && rows_ == rows) return;
  cols_ = cols;
  rows_ = rows;
  if (news_loop_ == nullptr || (features() & kFeatureSize) == 0) return;
  VirtioTransport* const driver = transport();
  news_loop_->Post([driver] { driver->InterruptConfig(); });
}

Result<> ConsoleDevice::OnQueueStart(RunningQueue& queue) {
  MutexLock lock(mutex_);
  ++running_queues_;
  news_loop_ = &queue.loop();
  return {};
}

void ConsoleDevice::OnQueueStop(RunningQueue& queue) {
  if (queue.index() != kReceiveQueue) transmission_.cursor.reset();
  MutexLock lock(mutex_);
  if (--running_queues_ == 0) news_loop_ = nullptr;
}

bool ConsoleDevice::OnKick(RunningQueue& queue) {
  return queue.index() == kReceiveQueue ? Receive(queue) : Transmit(queue);
}

bool ConsoleDevice::Receive(RunningQueue& queue) {
  DescriptorChain chain;
  bool more = true;
  for (int i = 0; i < kRequestsPerTurn; ++i) {
    more = HasInput() && queue.Pop(chain);
    if (!more) break;
    ReceiveInto(queue, chain);
  }
  queue.Interrupt();
  if (TakeInputSpace() && callbacks_.on_input_space) callbacks_.on_input_space();
  return more;
}

void ConsoleDevice::ReceiveInto(RunningQueue& queue, const DescriptorChain& chain) {
  std::array<uint8_t, kInputCapacity> bytes;
  const size_t room = std::min<uint64_t>(chain.writable_bytes(), bytes.size());
  size_t taken = TakeInput(std::span(bytes).first(room));
  ChainCursor cursor(chain.writable());
  if (!cursor.Write(*queue.memory(), std::span(bytes).first(taken))) {
    DeviceCounters::Add(counters().errors);
    DeviceCounters::Add(counters().refused_ranges);
    taken = 0;
  }
  DeviceCounters::Add(counters().requests);
  DeviceCounters::Add(counters().bytes_read, taken);
  queue.Push(chain, static_cast<uint32_t>(taken));
}

size_t ConsoleDevice::TakeInput(std::span<uint8_t> out) {
  MutexLock lock(mutex_);
  size_t taken = 0;
  while (taken < out.size() && !input_.empty()) out[taken++] = input_.Pop();
  return taken;
}

bool ConsoleDevice::HasInput() {
  MutexLock lock(mutex_);
  return !input_.empty();
}

bool ConsoleDevice::TakeInputSpace() {
  MutexLock lock(mutex_);
  // Half the buffer at a time: the host is not woken for each character.
  if (input_.size() > kInputCapacity / 2) return false;
  return std::exchange(input_refused_, false);
}

bool ConsoleDevice::Transmit(RunningQueue& queue) {
  int requests = 0;
  size_t bytes = 0;
  bool more = true;
  while (more && requests < kRequestsPerTurn && bytes < kBytesPerTurn) {
    more = transmission_.cursor || NextTransmission(queue);
    if (!more) break;
    bytes += TransmitChunk(queue);
    if (transmission_.cursor->remaining() > 0) continue;
    transmission_.cursor.reset();
    DeviceCounters::Add(counters().requests);
    queue.Push(transmission_.chain, 0);
    ++requests;
  }
  queue.Interrupt();
  return more;
}

bool ConsoleDevice::NextTransmission(RunningQueue& queue) {
  if (!queue.Pop(transmission_.chain)) return false;
  transmission_.cursor.emplace(transmission_.chain.readable());
  return true;
}

size_t ConsoleDevice::TransmitChunk(RunningQueue& queue) {
  std::array<uint8_t, kOutputChunk> bytes;
  ChainCursor& cursor = *transmission_.cursor;
  const size_t length = std::min<uint64_t>(cursor.remaining(), bytes.size());
  const auto chunk = std::span(bytes).first(length);
  if (!cursor.Read(*queue.memory(), chunk)) {
    DeviceCounters::Add(counters().errors);
    DeviceCounters::Add(counters().refused_ranges);
    cursor.Skip(cursor.remaining());
    return 0;
  }
  DeviceCounters::Add(counters().bytes_written, length);
  Emit(chunk);
  return length;
}

void ConsoleDevice::Emit(std::span<const uint8_t> bytes) {
  if (!bytes.empty() && callbacks_.output) callbacks_.output(bytes);
}

void ConsoleDevice::EmergencyWrite(uint8_t byte) {
  if (!active()) return Emit({&byte, 1});
  MutexLock lock(mutex_);
  if (emergency_.size() == kEmergencyCapacity) return;
  emergency_.push_back(byte);
  if (emergency_.size() == 1) loop(0).Post([this] { EmitEmergencyWrites(); });
}

void ConsoleDevice::EmitEmergencyWrites() {
  std::vector<uint8_t> bytes;
  {
    MutexLock lock(mutex_);
    bytes.swap(emergency_);
  }
  for (std::span<const uint8_t> rest = bytes; !rest.empty();) {
    const auto chunk = rest.first(std::min(rest.size(), kOutputChunk));
    Emit(chunk);
    rest = rest.subspan(chunk.size());
  }
}

}  // namespace sealvm
