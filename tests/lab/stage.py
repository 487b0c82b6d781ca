# SPDX-License-Identifier: Apache-2.0
"""The kinds of L1 that the tests run in."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stage:
    """A kernel for L1 and the machine it runs on; the values are those of tools/lab's options."""

    l1: str
    qemu: str = "stock"
    cpu_like: str = "amd"

    @property
    def name(self) -> str:
        parts = [self.l1, self.qemu, self.cpu_like]
        while parts[-1] in ("stock", "amd"):
            parts.pop()
        return "-".join(parts)


STAGES = (Stage("6.12"), Stage("7.x"), Stage("7.x", "patched"), Stage("7.x", "patched", "intel"))
