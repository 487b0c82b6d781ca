// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/kvm_msi_router.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "devices/platform_addresses.h"
#include "memory/base/fd.h"

namespace sealvm {
namespace {

constexpr uint32_t kPicPins = 8;
// Linux' KVM_MAX_IRQ_ROUTES (include/linux/kvm_host.h).
constexpr uint32_t kMaxGsi = 4095;

kvm_irq_routing_entry ToChip(uint32_t gsi, uint32_t chip, uint32_t pin) {
  kvm_irq_routing_entry entry = {};
  entry.gsi = gsi;
  entry.type = KVM_IRQ_ROUTING_IRQCHIP;
  entry.u.irqchip.irqchip = chip;
  entry.u.irqchip.pin = pin;
  return entry;
}

// What KVM_CREATE_IRQCHIP sets up: GSI n is pin n of the I/O APIC and, below 16, of the 8259s.
std::vector<kvm_irq_routing_entry> ControllerRoutes() {
  std::vector<kvm_irq_routing_entry> routes;
  for (uint32_t gsi = 0; gsi < kIoApicPins; ++gsi) {
    if (gsi < kPicPins) {
      routes.push_back(ToChip(gsi, KVM_IRQCHIP_PIC_MASTER, gsi));
    } else if (gsi < 2 * kPicPins) {
      routes.push_back(ToChip(gsi, KVM_IRQCHIP_PIC_SLAVE, gsi - kPicPins));
    }
    routes.push_back(ToChip(gsi, KVM_IRQCHIP_IOAPIC, gsi));
  }
  return routes;
}

}  // namespace

class KvmMsiRouter::Vector : public MsiVector {
 public:
  Vector(KvmMsiRouter& router, uint32_t gsi, Fd event)
      : router_(router), gsi_(gsi), event_(std::move(event)) {}
  ~Vector() override { Disconnect(); }

  Result<> Connect(const MsiMessage& message) override {
    if (message != routed_) SEALVM_TRY(router_.Route(gsi_, message));
    routed_ = message;
    SEALVM_TRY(router_.vm_.BindIrqFd(gsi_, event_.get()));
    connected_ = true;
    return {};
  }

  void Disconnect() override {
    if (!std::exchange(connected_, false)) return;
    if (const Result<> result = router_.vm_.UnbindIrqFd(gsi_, event_.get()); !result) {
      router_.logger_.Log(LogLevel::kError, "{}", result.error().ToString());
    }
  }

  void Trigger() override {
    const uint64_t one = 1;
    // A full counter is an interrupt as well.
    if (write(event_.get(), &one, sizeof(one)) < 0) return;
  }

  bool IsPending() const override {
    pollfd event = {.fd = event_.get(), .events = POLLIN, .revents = 0};
    return poll(&event, 1, 0) > 0;
  }

  int event_fd() const override { return event_.get(); }

 private:
  KvmMsiRouter& router_;
  const uint32_t gsi_;
  const Fd event_;
  MsiMessage routed_;
  bool connected_ = false;
};

KvmMsiRouter::KvmMsiRouter(kvm::Vm& vm, Logger logger, bool controllers_in_kernel)
    : vm_(vm), logger_(std::move(logger)), next_gsi_(kIoApicPins) {
  if (controllers_in_kernel) routes_ = ControllerRoutes();
}

Result<std::unique_ptr<MsiVector>> KvmMsiRouter::Create() {
  Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return SystemError("eventfd", "an MSI vector", errno);
  const std::lock_guard lock(mutex_);
  if (next_gsi_ > kMaxGsi) return HostError("the devices have more interrupts than KVM has GSIs");
  return std::make_unique<Vector>(*this, next_gsi_++, std::move(event));
}

Result<> KvmMsiRouter::Route(uint32_t gsi, const MsiMessage& message) {
  kvm_irq_routing_entry entry = {};
  entry.gsi = gsi;
  entry.type = KVM_IRQ_ROUTING_MSI;
  entry.u.msi.address_lo = static_cast<uint32_t>(message.address);
  entry.u.msi.address_hi = static_cast<uint32_t>(message.address >> 32);
  entry.u.msi.data = message.data;
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(routes_, [&](const kvm_irq_routing_entry& route) {
    return route.gsi == gsi && route.type == KVM_IRQ_ROUTING_MSI;
  });
  if (known != routes_.end()) {
    *known = entry;
  } else {
    routes_.push_back(entry);
  }
  return vm_.SetGsiRouting(routes_);
}

}  // namespace sealvm
