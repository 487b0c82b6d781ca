// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_TESTING_VECTORS_H_
#define SEALVM_DEVICES_PCI_TESTING_VECTORS_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "devices/pci/msi_vector.h"
#include "memory/base/fd.h"

namespace sealvm {

// What became of a vector; outlives it.
struct VectorRecord {
  std::optional<MsiMessage> connected;  // guarded as the vector is
  std::atomic<int> triggers = 0;
  int connects = 0;
};

// Vectors that keep what is done with them.
class RecordingVectors : public MsiVectorFactory {
 public:
  Result<std::unique_ptr<MsiVector>> Create() override {
    records.push_back(std::make_shared<VectorRecord>());
    return std::make_unique<Vector>(records.back());
  }

  std::vector<std::shared_ptr<VectorRecord>> records;

 private:
  class Vector : public MsiVector {
   public:
    explicit Vector(std::shared_ptr<VectorRecord> record) : record_(std::move(record)) {}
    Result<> Connect(const MsiMessage& message) override {
      record_->connected = message;
      ++record_->connects;
      return {};
    }
    void Disconnect() override { record_->connected.reset(); }
    void Trigger() override {
      const uint64_t one = 1;
      if (write(event_.get(), &one, sizeof(one)) == sizeof(one)) ++record_->triggers;
    }
    bool IsPending() const override { return record_->triggers > 0; }
    int event_fd() const override { return event_.get(); }

   private:
    const std::shared_ptr<VectorRecord> record_;
    const Fd event_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  };
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_TESTING_VECTORS_H_
