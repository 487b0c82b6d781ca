// SPDX-License-Identifier: Apache-2.0
// A TD's calls to the VMM, on a double of the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "tests/model/launch_fixture.h"
#include "tests/model/machine_fixture.h"
#include "vmm/isolation/tdx/testing_quote_service.h"

namespace sealvm::model {
namespace {

using tdx::TestingQuoteService;
using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kGetQuote = 0x10002, kSetupEventNotify = 0x10004;
constexpr std::chrono::seconds kPatience{30};

TEST_F(MachineTest, ATdIsToldWhichCallsThereAre) {
  MachineConfig config = ConfigOf(IsolationMode::kTdx);
  config.launch.quote_service = "unix:nobody-listens";
  ASSERT_TRUE(Create(config));
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    constexpr uint64_t kUnsupported = 0x8000000000000003;
    if (step == 1) {
      EXPECT_EQ(run.tdx.get_tdvmcall_info.ret, 0u);
      EXPECT_EQ(run.tdx.get_tdvmcall_info.r11, 2u);
      EXPECT_EQ(run.tdx.get_tdvmcall_info.r14, 0u);
    }
    if (step == 2) {
      EXPECT_EQ(run.tdx.setup_event_notify.ret, 0x8000000000000000u);
    }
    if (step == 3) {
      EXPECT_EQ(run.tdx.setup_event_notify.ret, 0u);
    }
    if (step == 4) {  // private memory
      EXPECT_NE(run.tdx.get_quote.ret, 0u);
    }
    if (step == 5) {
      EXPECT_EQ(run.tdx.unknown.ret, kUnsupported);
    }
    run.exit_reason = KVM_EXIT_TDX;
    run.tdx.flags = 0;
    memset(&run.tdx.unknown, 0, sizeof(run.tdx.unknown));
    run.tdx.unknown.ret = kUnsupported;
    switch (step++) {
      case 0:
        run.tdx.nr = 0x10000;
        run.tdx.get_tdvmcall_info.leaf = 1;
        run.tdx.get_tdvmcall_info.r14 = 7;
        return 0;
      case 1:
        run.tdx.nr = kSetupEventNotify;
        run.tdx.setup_event_notify.vector = 31;
        return 0;
      case 2:
        run.tdx.nr = kSetupEventNotify;
        run.tdx.setup_event_notify.vector = 0x41;
        return 0;
      case 3:
        run.tdx.nr = kGetQuote;
        run.tdx.get_quote.gpa = 0x40000;
        run.tdx.get_quote.size = 0x4000;
        return 0;
      case 4:
        run.tdx.nr = 0x12345;
        return 0;
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_EQ(step, 6);
}

// The buffer of GetQuote, as the guest sees it (GHCI 1.5, section 3.3).
struct QuoteBuffer {
  uint64_t version;
  uint64_t status;
  uint32_t in_length;
  uint32_t out_length;
  uint8_t data[0x4000 - 24];
};

// A TD that asks for a quote: it shares a buffer, says how it wants to be told, asks, waits.
class QuoteTest : public MachineTest {
 protected:
  static constexpr uint64_t kBufferGpa = 0x40000;

  struct Message {
    uint64_t address;
    uint32_t data;
  };

  // What the guest found in the end; `vector` 0: it sets none and looks at the buffer instead.
  struct Outcome {
    uint64_t status = 0;
    Bytes quote;
  };
  Outcome AskForQuote(const std::string& service, uint32_t vcpu, uint64_t vector) {
    kvm_->intercept = [this](const Call& call) {
      if (call.name == "KVM_SIGNAL_MSI") Note(*static_cast<const kvm_msi*>(call.argument));
      return Verdict();
    };
    kvm_->guest_vcpu = vcpu;
    kvm_->guest = [&](VmModel& vm, kvm_run& run) { return Step(vm, run, vector); };
    MachineConfig config = ConfigOf(IsolationMode::kTdx, 4);
    config.launch.quote_service = service;
    const Result<> created = Create(config);
    EXPECT_TRUE(created) << created.error().ToString();
    if (!created) return {};
    EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
    return found_;
  }

  std::vector<Message> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  static QuoteBuffer& BufferOf(const VmModel& vm) {
    const SlotModel& low_ram = vm.slots.at(0);
    return *reinterpret_cast<QuoteBuffer*>(low_ram.hva + kBufferGpa - low_ram.gpa);
  }

  int Step(const VmModel& vm, kvm_run& run, uint64_t vector) {
    QuoteBuffer& buffer = BufferOf(vm);
    switch (step_++) {
      case 0:
        AskForConversion(run, kBufferGpa, sizeof(buffer) / kPageSize, false);
        return 0;
      case 1:
        EXPECT_EQ(run.hypercall.ret, 0u);
        buffer.version = 1;
        buffer.in_length = 1024;
        memset(buffer.data, 0x5a, buffer.in_length);
        MakeCall(run, kSetupEventNotify);
        run.tdx.setup_event_notify.vector = vector;
        return 0;
      case 2:
        EXPECT_EQ(run.tdx.setup_event_notify.ret, vector == 0 ? uint64_t{1} << 63 : 0u);
        MakeCall(run, kGetQuote);
        run.tdx.get_quote.gpa = kBufferGpa;
        run.tdx.get_quote.size = sizeof(buffer);
        return 0;
      default:
        EXPECT_EQ(run.tdx.get_quote.ret, 0u);
        Await(buffer, vector != 0);
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  }

  static void MakeCall(kvm_run& run, uint64_t number) {
    run.exit_reason = KVM_EXIT_TDX;
    run.tdx = {};
    run.tdx.nr = number;
    run.tdx.unknown.ret = 0x8000000000000003;  // unsupported
  }

  void Await(QuoteBuffer& buffer, bool for_interrupt) {
    const auto in_flight = [&] { return std::atomic_ref(buffer.status).load() == UINT64_MAX; };
    const auto end = std::chrono::steady_clock::now() + kPatience;
    if (for_interrupt) {
      std::unique_lock lock(mutex_);
      EXPECT_TRUE(changed_.wait_until(lock, end, [this] { return !messages_.empty(); }));
    } else {
      while (in_flight() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    }
    EXPECT_FALSE(in_flight());
    found_.status = buffer.status;
    found_.quote.assign(buffer.data, buffer.data + buffer.out_length);
  }

  void Note(const kvm_msi& message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back({message.address_lo | uint64_t{message.address_hi} << 32, message.data});
    changed_.notify_all();
  }

  int step_ = 0;
  Outcome found_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Message> messages_;
};

TEST_F(QuoteTest, ComesWithAnInterruptOfTheVcpuThatAskedForOne) {
  TestingQuoteService service([](int connection, const Bytes& request) {
    TestingQuoteService::SendAll(connection, TestingQuoteService::Answer(request, 5000));
  });
  const Outcome found = AskForQuote("unix:" + service.address().path, 3, 0x41);
  EXPECT_EQ(found.status, 0u);
  EXPECT_EQ(found.quote, Bytes(5000, 0x5a));
  // Fixed delivery to the APIC with id 3.
  EXPECT_THAT(messages(), ElementsAre(FieldsAre(0xfee03000u, 0x41u)));
}

TEST_F(QuoteTest, WithoutAServiceTheGuestIsToldSoTheSameWay) {
  const Outcome found = AskForQuote("unix:/nonexistent/qgs", 0, 0xf3);
  EXPECT_EQ(found.status, 0x8000000000000001u);
  EXPECT_THAT(found.quote, IsEmpty());
  EXPECT_THAT(messages(), ElementsAre(FieldsAre(0xfee00000u, 0xf3u)));
  machine_.reset();
  EXPECT_THAT(log_, HasSubstr("a guest's report has no quote: connect(unix:/nonexistent/qgs)"));
}

TEST_F(QuoteTest, ServiceThatHangsUpIsAnError) {
  TestingQuoteService service([](int, const Bytes&) {});
  const Outcome found = AskForQuote("unix:" + service.address().path, 0, 0xff);
  EXPECT_EQ(found.status, 0x8000000000000000u);
  EXPECT_THAT(found.quote, IsEmpty());
  EXPECT_THAT(messages(), ElementsAre(FieldsAre(0xfee00000u, 0xffu)));
}

TEST_F(QuoteTest, WithoutAVectorThereIsNoInterrupt) {
  TestingQuoteService service([](int connection, const Bytes& request) {
    TestingQuoteService::SendAll(connection, TestingQuoteService::Answer(request, 10));
  });
  const Outcome found = AskForQuote("unix:" + service.address().path, 1, 0);
  EXPECT_EQ(found.status, 0u);
  EXPECT_EQ(found.quote, Bytes(10, 0x5a));
  machine_.reset();
  EXPECT_THAT(messages(), IsEmpty());
}

}  // namespace
}  // namespace sealvm::model
