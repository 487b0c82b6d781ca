// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/door.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

#include <algorithm>

namespace sealvm::secrecy {
namespace {

constexpr uint64_t kChunk = 256 * kScanPage;

thread_local sigjmp_buf fault_exit;
thread_local bool may_fault = false;

void OnFault(int signal_number) {
  if (may_fault) siglongjmp(fault_exit, 1);
  signal(signal_number, SIG_DFL);  // a real crash: the access is made again
}

void CatchFaults() {
  struct sigaction action {};
  action.sa_handler = OnFault;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

// Nothing with a destructor may live in here: a fault leaves by siglongjmp.
bool SearchGuarded(const Finder& finder, std::span<const uint8_t> page, Findings& findings) {
  if (sigsetjmp(fault_exit, 0) != 0) {
    may_fault = false;
    return false;
  }
  may_fault = true;
  findings = finder.Search(page);
  may_fault = false;
  return true;
}

}  // namespace

std::vector<uint64_t> Door::Read(uint64_t begin, uint64_t end, const ReadAt& read) {
  std::vector<uint64_t> not_zero;
  std::vector<uint8_t> buffer(kChunk);
  uint64_t wanted = kChunk;
  for (uint64_t at = begin; at < end;) {
    const std::span bytes(buffer.data(), std::min(wanted, end - at));
    const ssize_t got = read(at, bytes);
    const uint64_t whole_pages = got <= 0 ? 0 : static_cast<uint64_t>(got) / kScanPage;
    for (uint64_t i = 0; i < whole_pages; ++i, at += kScanPage) {
      const Findings findings = finder_.Search(bytes.subspan(i * kScanPage, kScanPage));
      Count(&findings);
      if (!findings.all_zero) not_zero.push_back(at);
    }
    // The page at which it ended may be refused while those behind it are not.
    if (whole_pages == bytes.size() / kScanPage) {
      wanted = std::min(wanted * 2, kChunk);
    } else {
      if (whole_pages == 0 && wanted == kScanPage) {
        CountPart(bytes.first(got < 0 ? 0 : static_cast<size_t>(got)));
        at += kScanPage;
      }
      wanted = kScanPage;
    }
  }
  return not_zero;
}

void Door::CountPart(std::span<const uint8_t> part) {
  const Findings findings = finder_.Search(part);
  Count(part.empty() ? nullptr : &findings);
}

void Door::Load(const uint8_t* begin, uint64_t size) {
  CatchFaults();
  for (uint64_t offset = 0; offset < size; offset += kScanPage) {
    Findings findings;
    Count(SearchGuarded(finder_, {begin + offset, kScanPage}, findings) ? &findings : nullptr);
  }
}

void Door::Count(const Findings* findings) {
  ++tried_;
  if (findings == nullptr) return;
  ++read_;
  for (size_t i = 0; i < kPlaceCount; ++i) hits_[i] += findings->hits[i];
}

void Door::Print() const {
  printf("door %s tried=%ju read=%ju", name_.c_str(), uintmax_t{tried_}, uintmax_t{read_});
  for (size_t i = 0; i < kPlaceCount; ++i) printf(" %s=%ju", kPlaces[i].name, uintmax_t{hits_[i]});
  printf("\n");
}

void PrintExpected() {
  printf("expected");
  for (size_t i = 0; i < kPlaceCount; ++i) {
    printf(" %s=%ju", kPlaces[i].name, uintmax_t{ExpectedHits(i)});
  }
  printf("\n");
}

}  // namespace sealvm::secrecy
