# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks on what a sealed guest's memory takes of the host."""

import json
import unittest

from lab import memory_cases
from lab.case import CheckFailed
from lab.session import Result

MIB = 1 << 20
REFUSED = "head: /proc/7/fd/12: Operation not permitted"


def steps(used: list[int], blocks: list[int], refusal: str = REFUSED) -> Result:
    lines = [f"used-{step} {mib * MIB}" for step, mib in enumerate(used, 1)]
    lines += [f"blocks-{step} {mib * MIB // 512}\nrefusal-{step} {refusal}"
              for step, mib in enumerate(blocks, 1)]
    stats = {"memory": {"conversions": {"to_shared": 1, "to_private": 1},
                        "private_peak_bytes": 128 * MIB}}
    text = "\n".join([*lines, "convert: done", "== stats", json.dumps(stats)])
    return Result(0, False, 1.0, text.encode(), b"", b"")


class ReleaseTest(unittest.TestCase):
    USED = [90, 26, 91, 90]
    BLOCKS = [80, 16, 16, 80]

    def test_what_falls_and_rises_is_told(self):
        self.assertEqual(
            memory_cases.check_sealed_release(steps(self.USED, self.BLOCKS)),
            "memory.current in MiB: 90.0, 26.0, 91.0, 90.0; "
            "st_blocks in MiB: 80.0, 16.0, 16.0, 80.0")

    def test_memory_that_is_not_given_back_fails(self):
        with self.assertRaisesRegex(CheckFailed, r"memory.current .*; -64 expected, -4.0 seen"):
            memory_cases.check_release(steps([90, 86, 150, 90], []))

    def test_blocks_that_stay_fail(self):
        with self.assertRaisesRegex(CheckFailed, r"st_blocks .*; -64 expected, \+0.0 seen"):
            memory_cases.check_sealed_release(steps(self.USED, [80, 80, 80, 80]))

    def test_memory_that_root_can_read_fails(self):
        with self.assertRaisesRegex(CheckFailed, "root's read was not refused"):
            memory_cases.check_sealed_release(steps(self.USED, self.BLOCKS, ""))

    def test_file_that_was_not_seen_fails(self):
        with self.assertRaisesRegex(CheckFailed, "no line 'blocks-1"):
            memory_cases.check_sealed_release(steps(self.USED, []))


class SwapTest(unittest.TestCase):
    def check(self, *swapped: int) -> str:
        lines = [f"swapped-{step} {mib * MIB}" for step, mib in enumerate(swapped, 1)]
        text = "\n".join([*lines, "convert: done\n"])
        return memory_cases.check_swap(Result(0, False, 1.0, text.encode(), b"", b""))

    def test_only_shared_memory_is_swapped(self):
        self.assertEqual(self.check(2, 2, 66, 3), "swapped out in MiB: 2.0, 2.0, 66.0, 3.0")

    def test_private_memory_that_is_swapped_fails(self):
        with self.assertRaises(CheckFailed):
            self.check(66, 2, 66, 3)

    def test_nothing_swapped_is_no_proof(self):
        with self.assertRaises(CheckFailed):
            self.check(2, 2, 2, 2)


if __name__ == "__main__":
    unittest.main()
