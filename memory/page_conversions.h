// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_PAGE_CONVERSIONS_H_
#define SEALVM_MEMORY_PAGE_CONVERSIONS_H_

#include <stdint.h>

#include <memory>
#include <shared_mutex>
#include <span>

#include "memory/base/result.h"
#include "memory/guest_buffer.h"
#include "memory/guest_layout.h"
#include "memory/lent_ranges.h"
#include "memory/page_set.h"
#include "memory/private_memory.h"

namespace sealvm {

// Which pages of a guest are private and which it shares with the host. Every page of RAM has two
// halves, one in a private object and one in an ordinary one; a conversion, which the guest alone
// asks for, gives up the half that is left behind, so that both are never kept. Thread-safe.
class PageConversions {
 public:
  struct Counters {
    uint64_t to_shared = 0;  // conversions asked for and made
    uint64_t to_private = 0;
    uint64_t refused = 0;
    uint64_t private_bytes = 0;  // state of the guest's pages, whatever is populated
    uint64_t shared_bytes = 0;
  };

  // Both objects cover layout.ram_size() bytes. All pages are private at first, but for those below
  // `always_shared_end` (page aligned, at most the end of low RAM): these are shared for good,
  // because the guest's CPUs start there before they can use private memory; converting them does
  // nothing.
  static Result<std::shared_ptr<PageConversions>> Create(
      const GuestLayout& layout, std::shared_ptr<PrivateMemory> private_half,
      std::shared_ptr<PrivateMemory> shared_half, Gpa always_shared_end);

  // Convert [gpa, gpa + length): whole pages inside one range of RAM, else kInvalidInput and
  // nothing changes. Pages that are in that state already count as converted. A range costs one
  // fallocate for each run of pages that change. kHost: the host has no memory for it, or its
  // kernel failed; some pages may then have lost their old content, but no page is reachable that
  // was not meant to be.
  Result<> ToShared(Gpa gpa, uint64_t length);
  Result<> ToPrivate(Gpa gpa, uint64_t length);

  // Holds conversions off while the lock lives, if all of `buffers` is shared; else kInvalidInput.
  // The way by which devices reach the guest.
  Result<std::shared_lock<std::shared_mutex>> HoldShared(
      std::span<const GuestBuffer> buffers) const;
  // What devices have under way. Converting it to private is refused: a guest that does not wait
  // for its devices breaks their rules.
  const std::shared_ptr<LentRanges>& lent() const { return lent_; }

  // Whether the page at `gpa` is shared now; false outside RAM.
  bool IsShared(Gpa gpa) const;

  Counters counters() const;

 private:
  PageConversions(const GuestLayout& layout, std::shared_ptr<PrivateMemory> private_half,
                  std::shared_ptr<PrivateMemory> shared_half, Gpa always_shared_end,
                  PageSet shared);

  // The bytes of the objects that [gpa, gpa + length) stands for.
  Result<BackingRange> Translate(Gpa gpa, uint64_t length) const;
  // The range to convert, or the refusal, counted.
  Result<BackingRange> Accept(Gpa gpa, uint64_t length);
  Result<> MakeShared(BackingRange range);
  Result<> MakePrivate(BackingRange range);
  // Without the pages that are shared for good.
  BackingRange Convertible(BackingRange range) const;

  const GuestLayout layout_;
  const std::shared_ptr<PrivateMemory> private_half_;
  const std::shared_ptr<PrivateMemory> shared_half_;
  const Gpa always_shared_end_;

  const std::shared_ptr<LentRanges> lent_ = std::make_shared<LentRanges>();

  // Held exclusively by conversions, shared by devices.
  mutable std::shared_mutex mutex_;
  PageSet shared_;
  Counters counters_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_PAGE_CONVERSIONS_H_
