// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_SEAL_H_
#define SEALVM_MEMORY_GUEST_SEAL_H_

#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

// The guest seal of the 2021 LKML series: a memfd that is empty when sealed and that user space can
// afterwards size, populate and punch, but neither read nor write nor map. Kernels may offer it as
// a flag of memfd_create or as a seal.
struct GuestSeal {
  unsigned creation_flag = 0;  // of memfd_create, or 0
  int seal = 0;                // of F_ADD_SEALS, or 0

  // "memfd_create flag 0x20", "seal 0x40".
  std::string ToString() const;
};

// Finds the door that this kernel has, by behaviour on throw-away files: the numbers of the series
// mean other things in mainline (0x20 is F_SEAL_EXEC since Linux 6.3, and adding it succeeds).
// kRefused, with what each candidate did, when there is none.
Result<GuestSeal> FindGuestSeal();

// A memfd of `size` bytes behind the seal.
Result<Fd> CreateGuestSealedMemfd(const GuestSeal& seal, uint64_t size);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_SEAL_H_
