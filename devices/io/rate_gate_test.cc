// SPDX-License-Identifier: Apache-2.0
#include "devices/io/rate_gate.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace sealvm {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

class RateGateTest : public testing::Test {
 protected:
  static constexpr RateLimits kTenOps = {.ops_per_second = 10, .ops_burst = 1};

  // Opened and closed on the loop's thread, as by a queue.
  void Open(RateGate& gate, std::function<void()> resume) {
    loop_->Run([&] { ASSERT_TRUE(gate.Open(*loop_, std::move(resume))); });
  }
  void Close(RateGate& gate) {
    loop_->Run([&] { gate.Close(); });
  }
  bool Pass(RateGate& gate, uint64_t bytes = 1) {
    bool passed = false;
    loop_->Run([&] { passed = gate.Pass(bytes); });
    return passed;
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create("test").value();
};

TEST_F(RateGateTest, WithoutALimitAllPasses) {
  SharedRate rate{RateLimits{}};
  RateGate gate(rate);
  Open(gate, [] { ADD_FAILURE() << "nobody was held back"; });
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(Pass(gate, 1 << 20));
  Close(gate);
}

TEST_F(RateGateTest, WhoIsHeldBackIsCalledWhenItPasses) {
  SharedRate rate(kTenOps);
  RateGate gate(rate);
  std::promise<bool> resumed;
  Open(gate, [&] { resumed.set_value(gate.Pass(1)); });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(Pass(gate));
  ASSERT_FALSE(Pass(gate));
  std::future<bool> passed = resumed.get_future();
  ASSERT_EQ(passed.wait_for(60s), std::future_status::ready);
  EXPECT_TRUE(passed.get());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 90ms);
  Close(gate);
}

TEST_F(RateGateTest, GatesShareARate) {
  SharedRate rate(kTenOps);
  RateGate one(rate);
  RateGate other(rate);
  Open(one, [] {});
  Open(other, [] {});
  EXPECT_TRUE(Pass(one));
  EXPECT_FALSE(Pass(other));
  Close(one);
  Close(other);
}

TEST_F(RateGateTest, WhatDidNotHappenIsNotPaidTwice) {
  SharedRate rate(kTenOps);
  RateGate gate(rate);
  Open(gate, [] {});
  ASSERT_TRUE(Pass(gate));
  gate.KeepPaid();
  EXPECT_TRUE(Pass(gate));
  EXPECT_FALSE(Pass(gate));
  Close(gate);
}

TEST_F(RateGateTest, AClosedGateCallsNobody) {
  SharedRate rate(kTenOps);
  RateGate gate(rate);
  Open(gate, [] { ADD_FAILURE() << "the gate is closed"; });
  EXPECT_TRUE(Pass(gate));
  ASSERT_FALSE(Pass(gate));
  Close(gate);
  std::this_thread::sleep_for(150ms);
}

TEST_F(RateGateTest, OpenedAgainItOwesNothing) {
  SharedRate rate(kTenOps);
  RateGate gate(rate);
  Open(gate, [] {});
  ASSERT_TRUE(Pass(gate));
  gate.KeepPaid();
  Close(gate);
  Open(gate, [] {});
  EXPECT_FALSE(Pass(gate));
  Close(gate);
}

}  // namespace
}  // namespace sealvm
