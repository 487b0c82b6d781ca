# SPDX-License-Identifier: Apache-2.0
"""The kinds of L1 that the tests run in."""

from __future__ import annotations

import dataclasses

from lab import kernels

MEMORY_MIB = 4096


@dataclasses.dataclass(frozen=True)
class Stage:
    """A kernel for L1 and the machine it runs on; the values are those of tools/lab's options."""

    l1: str
    qemu: str = "stock"
    cpu_like: str = "amd"
    memory_mib: int = MEMORY_MIB

    @property
    def own_kernel(self) -> bool:
        """L1's kernel is this tree's, and what it says is part of the test."""
        return self.l1 in kernels.PATCHED

    @property
    def slowness(self) -> int:
        """What all limits are multiplied with: a kernel that checks itself takes its time."""
        return 5 if self.l1 == "patched-debug" else 1

    @property
    def name(self) -> str:
        # What the patched kernels are for needs the patched QEMU, so that goes without saying.
        qemu = "stock" if self.own_kernel else self.qemu
        parts = [self.l1, qemu, self.cpu_like]
        while parts[-1] in ("stock", "amd"):
            parts.pop()
        if self.memory_mib != MEMORY_MIB:
            parts.append(f"{self.memory_mib // 1024}G")
        return "-".join(parts)


STOCK = (Stage("6.12"), Stage("7.x"))
PATCHED = (Stage("7.x", "patched"), Stage("7.x", "patched", "intel"))
# For guests of 6 GiB. Sealed ones take all of it at once; what L1 does not use costs nothing.
PATCHED_LARGE = tuple(dataclasses.replace(stage, memory_mib=9216) for stage in PATCHED)

# This tree's own kernels.
SEALED_MEMFDS = tuple(Stage(l1, "patched") for l1 in kernels.PATCHED)

STAGES = (*STOCK, *PATCHED, *PATCHED_LARGE, *SEALED_MEMFDS)
