// SPDX-License-Identifier: Apache-2.0
// vCPU threads with a real KVM under them: interrupts, kicks, a second CPU.
#include "vmm/machine/vcpu_thread.h"

#include <signal.h>

#include <semaphore>
#include <thread>
#include <vector>

#include "tests/kvm/guest_fixture.h"
#include "vmm/machine/guest_cpuid.h"

namespace sealvm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Remembers the bytes that guests write and wakes the test for each.
class RecordingPort : public BusDevice {
 public:
  std::string_view Name() const override { return "recorder"; }
  void Read(uint64_t, std::span<uint8_t> data) override { StoreByte(data); }
  void Write(uint64_t, std::span<const uint8_t> data) override {
    last_.store(data[0]);
    written_.release();
  }
  // The next byte written, or -1 when none comes.
  int Next() { return written_.try_acquire_for(seconds(20)) ? last_.load() : -1; }

 private:
  static void StoreByte(std::span<uint8_t> data) { data[0] = 0; }

  std::counting_semaphore<> written_{0};
  std::atomic<int> last_ = -1;
};

class VcpuThreadTest : public GuestTest {
 protected:
  void SetUp() override {
    GuestTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(pio_.Insert(0x10, 1, out_));
    ASSERT_TRUE(pio_.Insert(0x11, 1, ready_));
  }

  VcpuThread& Make(kvm::Vcpu vcpu) {
    threads_.push_back(
        std::make_unique<VcpuThread>(std::move(vcpu), dispatcher_, lifecycle_, nullptr));
    return *threads_.back();
  }
  VcpuThread& Start(kvm::Vcpu vcpu) {
    VcpuThread& thread = Make(std::move(vcpu));
    EXPECT_TRUE(thread.Start());
    return thread;
  }

  void TearDown() override {
    lifecycle_.RequestStop({.reason = ExitReason::kStopped});
    for (const auto& thread : threads_) thread->Kick();
    for (const auto& thread : threads_) EXPECT_TRUE(thread->Join(seconds(20)));
  }

  std::shared_ptr<RecordingPort> out_ = std::make_shared<RecordingPort>();
  std::shared_ptr<RecordingPort> ready_ = std::make_shared<RecordingPort>();
  Bus pio_{"I/O port"};
  Bus mmio_{"MMIO"};
  ExitDispatcher dispatcher_{pio_, mmio_};
  Lifecycle lifecycle_{[] {}};
  std::vector<std::unique_ptr<VcpuThread>> threads_;
};

TEST_F(VcpuThreadTest, InterruptReachesAHaltedGuest) {
  ASSERT_TRUE(vm().CreateIrqchip());
  Start(LoadGuest(irq4_guest()));
  ASSERT_NE(ready_->Next(), -1) << "the guest did not get ready";
  ASSERT_TRUE(vm().SetIrqLine(4, true));
  EXPECT_EQ(out_->Next(), 0x4a);
}

TEST_F(VcpuThreadTest, KickEndsASpinningGuest) {
  VcpuThread& thread = Start(LoadGuest(spin_guest()));
  EXPECT_FALSE(thread.Join(milliseconds(0))) << "the guest ended by itself";
  lifecycle_.RequestStop({.reason = ExitReason::kStopped});
  thread.Kick();
  EXPECT_TRUE(thread.Join(seconds(20)));
}

TEST_F(VcpuThreadTest, KickFromAnotherThreadEndsARunOnThisOne) {
  VcpuThread& thread = Make(LoadGuest(spin_guest()));
  std::jthread kicker([&] {
    std::this_thread::sleep_for(milliseconds(50));
    lifecycle_.RequestStop({.reason = ExitReason::kStopped});
    thread.Kick();
  });
  thread.RunOnThisThread();
  kicker.join();
  sigset_t pending;
  sigpending(&pending);
  EXPECT_FALSE(sigismember(&pending, VcpuThread::KickSignal()));
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_FALSE(sigismember(&mask, VcpuThread::KickSignal())) << "the caller's mask changed";
}

std::atomic<int> alarms = 0;

TEST_F(VcpuThreadTest, TheCallersSignalsReachTheirHandlerWhileTheGuestRuns) {
  VcpuThread& thread = Make(LoadGuest(spin_guest()));
  struct sigaction count_alarm = {};
  count_alarm.sa_handler = [](int) { ++alarms; };
  struct sigaction before;
  ASSERT_EQ(sigaction(SIGALRM, &count_alarm, &before), 0);
  std::jthread kicker([&, runner = pthread_self()] {
    for (int i = 0; i < 2000 && alarms == 0; ++i) {
      pthread_kill(runner, SIGALRM);
      std::this_thread::sleep_for(milliseconds(10));
    }
    lifecycle_.RequestStop({.reason = ExitReason::kStopped});
    thread.Kick();
  });
  thread.RunOnThisThread();
  kicker.join();
  sigaction(SIGALRM, &before, nullptr);
  EXPECT_GT(alarms, 0);
  EXPECT_EQ(lifecycle_.report()->reason, ExitReason::kStopped);
}

TEST_F(VcpuThreadTest, KickEndsAVcpuThatWaitsForItsStartupIpi) {
  ASSERT_TRUE(vm().CreateIrqchip());
  kvm::Vcpu boot_cpu = MakeVcpu(0);
  VcpuThread& thread = Start(MakeVcpu(1));
  lifecycle_.RequestStop({.reason = ExitReason::kStopped});
  thread.Kick();
  EXPECT_TRUE(thread.Join(seconds(20)));
}

TEST_F(VcpuThreadTest, BootCpuStartsASecondCpu) {
  ASSERT_TRUE(vm().CreateIrqchip());
  ASSERT_TRUE(memory().Write(kApCodeBase, ap_guest()));
  kvm::Vcpu boot_cpu = LoadGuest(start_ap_guest());
  kvm::Vcpu second_cpu = MakeVcpu(1);
  const auto supported = *system().SupportedCpuid();
  for (kvm::Vcpu* vcpu : {&boot_cpu, &second_cpu}) {
    ASSERT_TRUE(vcpu->SetCpuid(MakeGuestCpuid(supported, {.cpus = 2}, vcpu->id(), false)));
    kvm_sregs sregs = *vcpu->GetSregs();
    sregs.apic_base |= 0xc00;  // enabled, x2APIC mode (Intel SDM vol. 3A section 11.12.1)
    ASSERT_TRUE(vcpu->SetSregs(sregs));
  }
  Start(std::move(second_cpu));
  Start(std::move(boot_cpu));
  EXPECT_EQ(out_->Next(), 1);
}

TEST_F(VcpuThreadTest, TripleFaultStopsTheMachineWithItsReason) {
  kvm::Vcpu vcpu = LoadGuest(triple_fault_guest());
  EnterProtectedMode(vcpu, kCodeBase);
  Make(std::move(vcpu)).RunOnThisThread();
  ASSERT_TRUE(lifecycle_.report().has_value());
  EXPECT_EQ(lifecycle_.report()->reason, ExitReason::kTripleFault);
}

TEST_F(VcpuThreadTest, ExitsAreCountedByKind) {
  VcpuThread& thread = Make(LoadGuest(port_out_guest()));
  // Without an in-kernel local APIC the final HLT is an error of the machine's.
  thread.RunOnThisThread();
  EXPECT_EQ(lifecycle_.report()->reason, ExitReason::kError);
  EXPECT_EQ(thread.exit_counts()[kvm::VcpuExit(kvm::IoExit{}).index()], 3u);
  EXPECT_EQ(thread.exit_counts()[kvm::VcpuExit(kvm::HaltExit{}).index()], 1u);
}

TEST_F(VcpuThreadTest, CpuidShowsTheApicIdToTheGuest) {
  kvm::Vcpu vcpu = LoadGuest(cpuid_leaf1_guest());
  ASSERT_TRUE(vcpu.SetCpuid(MakeGuestCpuid(*system().SupportedCpuid(), {.cpus = 7}, 0, true)));
  const kvm::VcpuExit exit = RunToExit(vcpu);
  const auto* io = std::get_if<kvm::IoExit>(&exit);
  ASSERT_NE(io, nullptr) << kvm::ExitName(exit);
  EXPECT_EQ(io->data[2], 7);  // EBX[23:16], logical processors
  EXPECT_EQ(io->data[3], 0);  // EBX[31:24], initial APIC id
}

}  // namespace
}  // namespace sealvm
