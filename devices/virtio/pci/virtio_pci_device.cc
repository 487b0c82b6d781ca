// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/pci/virtio_pci_device.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Virtual I/O Device 1.3 section 4.1.2.
constexpr uint16_t kVirtioVendor = 0x1af4;
constexpr uint16_t kVirtioDeviceBase = 0x1040;
constexpr uint8_t kModernRevision = 1;
constexpr uint16_t kModernSubsystem = 0x40;

// Capability types, section 4.1.4.
constexpr uint8_t kCapabilityCommon = 1;
constexpr uint8_t kCapabilityNotify = 2;
constexpr uint8_t kCapabilityIsr = 3;
constexpr uint8_t kCapabilityDevice = 4;
constexpr uint8_t kCapabilityPciConfig = 5;

// struct virtio_pci_cap from its third byte on: length, type, BAR, id, two of padding, offset,
// length. What follows is the notify multiplier or the window's data.
constexpr size_t kCapabilityBody = 14;
constexpr size_t kCapabilityHeader = 2;
// Offsets in the whole capability.
constexpr uint32_t kWindowBar = 4;
constexpr uint32_t kWindowOffset = 8;
constexpr uint32_t kWindowLength = 12;
constexpr uint32_t kWindowData = 16;

// Class codes of PCI Code and ID Assignment 1.x: network (Ethernet), other mass storage, other
// communication, no class.
uint32_t ClassOf(VirtioType type) {
  switch (type) {
    case VirtioType::kNet:
      return 0x020000;
    case VirtioType::kBlock:
    case VirtioType::kFs:
      return 0x018000;
    case VirtioType::kConsole:
    case VirtioType::kVsock:
      return 0x078000;
    case VirtioType::kRng:
      break;
  }
  return 0xff0000;
}

PciConfigSpace::Identity IdentityOf(VirtioType type) {
  return {.vendor_id = kVirtioVendor,
          .device_id = static_cast<uint16_t>(kVirtioDeviceBase + static_cast<uint16_t>(type)),
          .revision = kModernRevision,
          .class_code = ClassOf(type),
          .subsystem_vendor_id = kVirtioVendor,
          .subsystem_id = kModernSubsystem};
}

bool Inside(uint64_t offset, size_t width, uint32_t base, uint32_t length) {
  return length > 0 && offset >= base && offset - base < length &&
         width <= length - (offset - base);
}

// A vector for each queue and one for the configuration.
Result<std::unique_ptr<MsixTable>> MakeMsix(size_t queues, MsiVectorFactory& factory,
                                            const Logger& logger) {
  std::vector<std::unique_ptr<MsiVector>> vectors;
  for (size_t i = 0; i < queues + 1; ++i) vectors.push_back(SEALVM_TRY(factory.Create()));
  return std::make_unique<MsixTable>(std::move(vectors), logger);
}

}  // namespace

Result<std::shared_ptr<VirtioPciDevice>> VirtioPciDevice::Create(
    Options options, std::shared_ptr<VirtioDevice> device, std::shared_ptr<SharedView> memory,
    MsiVectorFactory& vectors, std::unique_ptr<InterruptLine> line, DoorbellBinder& doorbells) {
  std::unique_ptr<MsixTable> msix;
  if (options.bars == PciSpace::kMemory) {
    msix = SEALVM_TRY(MakeMsix(device->QueueSizes().size(), vectors, options.logger));
  }
  const CommonConfig::Options common = {.require_access_platform = options.require_access_platform};
  std::shared_ptr<VirtioPciDevice> created(new VirtioPciDevice(
      std::move(options), std::move(device), std::move(msix), std::move(line), doorbells));
  created->common_ = SEALVM_TRY(
      CommonConfig::Create(common, *created->device_, std::move(memory), created->interrupts_));
  return created;
}

VirtioPciDevice::VirtioPciDevice(Options options, std::shared_ptr<VirtioDevice> device,
                                 std::unique_ptr<MsixTable> msix,
                                 std::unique_ptr<InterruptLine> line, DoorbellBinder& doorbells)
    : options_(std::move(options)),
      layout_(VirtioPciLayoutFor(options_.bars)),
      device_(std::move(device)),
      doorbells_(doorbells),
      config_(IdentityOf(device_->Type())),
      msix_(std::move(msix)),
      interrupts_(device_->QueueSizes().size(), msix_.get(), std::move(line),
                  options_.on_need_reset),
      bound_(device_->QueueSizes().size()) {
  config_.AddBar(0, layout_.space, layout_.bar_size, options_.bar_base);
  config_.UseInterruptPin(options_.interrupt_line);
  AddCapabilities();
}

// The doorbells go before the eventfds that they ring.
VirtioPciDevice::~VirtioPciDevice() { UnbindDoorbells(); }

void VirtioPciDevice::AddCapabilities() {
  AddVirtioCapability(kCapabilityCommon, layout_.common, kCommonConfigLength);
  AddVirtioCapability(kCapabilityNotify, layout_.notify, layout_.notify_length);
  AddVirtioCapability(kCapabilityIsr, layout_.isr, 1);
  AddVirtioCapability(kCapabilityDevice, layout_.device, layout_.device_length);
  AddVirtioCapability(kCapabilityPciConfig, 0, 0);
  if (msix_) AddMsixCapability();
}

void VirtioPciDevice::AddVirtioCapability(uint8_t type, uint32_t offset, uint32_t length) {
  const bool has_tail = type == kCapabilityNotify || type == kCapabilityPciConfig;
  std::vector<uint8_t> body(kCapabilityBody + (has_tail ? 4 : 0));
  std::vector<uint8_t> writable(body.size());
  body[0] = static_cast<uint8_t>(kCapabilityHeader + body.size());
  body[1] = type;
  const auto at = [](std::vector<uint8_t>& bytes, uint32_t whole_offset) {
    return std::span(bytes).subspan(whole_offset - kCapabilityHeader, 4);
  };
  StoreLeAny(at(body, kWindowOffset), offset);
  StoreLeAny(at(body, kWindowLength), length);
  if (type == kCapabilityNotify) StoreLeAny(at(body, kWindowData), layout_.notify_multiplier);
  if (type == kCapabilityPciConfig) {
    writable[kWindowBar - kCapabilityHeader] = 0xff;
    StoreLeAny(at(writable, kWindowOffset), 0xffffffff);
    StoreLeAny(at(writable, kWindowLength), 0xffffffff);
  }
  const uint8_t place = config_.AddCapability(kPciCapabilityVendor, body, writable);
  if (type == kCapabilityPciConfig) window_capability_ = place;
}

void VirtioPciDevice::AddMsixCapability() {
  // Message control, table and pending bits, both in BAR 0 (PCI Local Bus 3.0 section 6.8.2).
  std::array<uint8_t, 10> body = {};
  std::array<uint8_t, 10> writable = {};
  StoreLeAny(std::span(body).first(2), msix_->size() - 1u);
  StoreLeAny(std::span(body).subspan(2, 4), layout_.msix_table);
  StoreLeAny(std::span(body).subspan(6, 4), layout_.msix_pending);
  StoreLeAny(std::span(writable).first(2),
             MsixTable::kControlEnable | MsixTable::kControlFunctionMask);
  msix_capability_ = config_.AddCapability(kPciCapabilityMsix, body, writable);
}

bool VirtioPciDevice::IsWindowData(uint32_t offset, size_t width) const {
  return Inside(offset, width, window_capability_ + kWindowData, 4);
}

void VirtioPciDevice::ReadConfig(uint32_t offset, std::span<uint8_t> out) {
  if (IsWindowData(offset, out.size())) return ReadThroughWindow(out);
  config_.SetStatus(kPciStatusInterrupt, interrupts_.line_asserted());
  config_.Read(offset, out);
}

void VirtioPciDevice::WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) {
  if (IsWindowData(offset, bytes.size())) return WriteThroughWindow(bytes);
  config_.Write(offset, bytes);
  interrupts_.SetLineEnabled((config_.command() & kPciCommandIntxDisable) == 0);
  if (msix_) msix_->SetControl(config_.Get16(msix_capability_ + kCapabilityHeader));
}

// The driver chose place and width before; a choice that does not fit does nothing.
void VirtioPciDevice::ReadThroughWindow(std::span<uint8_t> out) {
  const uint32_t offset = config_.Get32(window_capability_ + kWindowOffset);
  const uint32_t length = config_.Get32(window_capability_ + kWindowLength);
  std::ranges::fill(out, uint8_t{0});
  if (config_.Get8(window_capability_ + kWindowBar) != 0 || length != out.size()) return;
  if (Inside(offset, length, 0, layout_.bar_size)) ReadBar(0, offset, out);
}

void VirtioPciDevice::WriteThroughWindow(std::span<const uint8_t> bytes) {
  const uint32_t offset = config_.Get32(window_capability_ + kWindowOffset);
  const uint32_t length = config_.Get32(window_capability_ + kWindowLength);
  if (config_.Get8(window_capability_ + kWindowBar) != 0 || length != bytes.size()) return;
  if (Inside(offset, length, 0, layout_.bar_size)) WriteBar(0, offset, bytes);
}

void VirtioPciDevice::ReadBar(uint8_t, uint64_t offset, std::span<uint8_t> out) {
  const size_t width = out.size();
  std::ranges::fill(out, uint8_t{0});
  if (Inside(offset, width, layout_.isr, 1)) {
    out[0] = interrupts_.TakeIsr();
  } else if (Inside(offset, width, layout_.common, kCommonConfigLength)) {
    const std::lock_guard lock(mutex_);
    common_->Read(offset - layout_.common, out);
  } else if (Inside(offset, width, layout_.device, layout_.device_length)) {
    const std::lock_guard lock(mutex_);
    device_->ReadConfig(offset - layout_.device, out);
  } else if (msix_ && Inside(offset, width, layout_.msix_table, kPageSize)) {
    msix_->ReadTable(offset - layout_.msix_table, out);
  } else if (msix_ && Inside(offset, width, layout_.msix_pending, kPageSize)) {
    msix_->ReadPending(offset - layout_.msix_pending, out);
  }
}

void VirtioPciDevice::WriteBar(uint8_t, uint64_t offset, std::span<const uint8_t> bytes) {
  const size_t width = bytes.size();
  if (Inside(offset, width, layout_.notify, layout_.notify_length)) {
    Notify(offset - layout_.notify, bytes);
  } else if (Inside(offset, width, layout_.common, kCommonConfigLength)) {
    const std::lock_guard lock(mutex_);
    common_->Write(offset - layout_.common, bytes);
  } else if (Inside(offset, width, layout_.device, layout_.device_length)) {
    const std::lock_guard lock(mutex_);
    device_->WriteConfig(offset - layout_.device, bytes);
  } else if (msix_ && Inside(offset, width, layout_.msix_table, kPageSize)) {
    msix_->WriteTable(offset - layout_.msix_table, bytes);
  }
}

// For writes that KVM did not hand to the eventfd itself, such as those through configuration
// space.
void VirtioPciDevice::Notify(uint64_t offset, std::span<const uint8_t> bytes) {
  const uint64_t queue =
      layout_.notify_multiplier == 0 ? LoadLeAny(bytes) : offset / layout_.notify_multiplier;
  if (queue >= common_->queue_count()) return;
  const uint64_t one = 1;
  // A full counter has woken the device already.
  if (write(common_->kick_fd(static_cast<uint16_t>(queue)), &one, sizeof(one)) < 0) return;
}

Doorbell VirtioPciDevice::DoorbellOf(uint16_t queue, const PciBarWindow& window) const {
  Doorbell doorbell;
  doorbell.space = window.space;
  doorbell.address = window.base + layout_.notify + uint64_t{queue} * layout_.notify_multiplier;
  if (layout_.notify_multiplier == 0) doorbell.value = queue;
  return doorbell;
}

void VirtioPciDevice::OnBarForwarded(uint8_t, const std::optional<PciBarWindow>& window) {
  UnbindDoorbells();
  if (!window) return;
  for (uint16_t queue = 0; queue < bound_.size(); ++queue) {
    const Doorbell doorbell = DoorbellOf(queue, *window);
    if (const Result<> result = doorbells_.Bind(doorbell, common_->kick_fd(queue)); !result) {
      // The queue's kicks take the long way, by Notify.
      options_.logger.Log(LogLevel::kDebug, "{}: {}", options_.id, result.error().message);
      continue;
    }
    bound_[queue] = doorbell;
  }
}

void VirtioPciDevice::UnbindDoorbells() {
  for (uint16_t queue = 0; queue < bound_.size(); ++queue) {
    if (bound_[queue]) doorbells_.Unbind(*bound_[queue], common_->kick_fd(queue));
    bound_[queue].reset();
  }
}

}  // namespace sealvm
