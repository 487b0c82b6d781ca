# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks on what a kernel of this tree says."""

import unittest

from lab import kernel_cases
from lab.case import CheckFailed, NotHere
from lab.session import Result


def result(stdout: str = "", exit_code: int = 0) -> Result:
    return Result(exit_code, False, 1.0, stdout.encode(), b"", b"")


class TapTest(unittest.TestCase):
    GOOD = "TAP version 13\n1..3\nok 1 - seal\n# a remark\nok 2 - hole # SKIP no swap\nok 3 - end\n"

    def test_good(self):
        self.assertEqual(kernel_cases.check_tap(result(self.GOOD)),
                         "2 of 3 tests, skipped: 2 - hole # SKIP no swap")

    def test_each_fault_is_found(self):
        for text, output in {
                "1 tests failed: 3 - end": result(self.GOOD.replace("ok 3", "not ok 3"), 1),
                "2 tests ended of 3": result(self.GOOD.replace("ok 3 - end\n", "")),
                "3 tests ended of 3": result(self.GOOD.replace("ok 3", "ok 4")),
                "4 tests ended of 3": result(self.GOOD + "ok 4 - more\n"),
                "no plan": result(self.GOOD.replace("1..3", "")),
                "Bail out! memfd_create": result("ok 1 - a\nBail out! memfd_create: no\n", 1),
                "exit code 1": result(self.GOOD, 1),
        }.items():
            with self.assertRaisesRegex(CheckFailed, text):
                kernel_cases.check_tap(output)

    def test_plan_may_come_last(self):
        self.assertEqual(kernel_cases.check_tap(result("ok 1 - a\n1..1\n")), "1 of 1 tests")

    def test_nothing_but_skips_is_a_skip(self):
        for output in ("1..1\nok 1 - all # SKIP no /dev/kvm\n", "1..0 # SKIP no /dev/kvm\n"):
            with self.assertRaisesRegex(NotHere, "no /dev/kvm"):
                kernel_cases.check_tap(result(output))


class ReportsTest(unittest.TestCase):
    def test_reports_are_found(self):
        for line in ("[   12.5] WARNING: CPU: 0 PID: 1 at virt/kvm/guest_memfd.c:1 f+0x1/0x2",
                     "[    1.0] WARNING: possible circular locking dependency detected",
                     "[    1.0] WARNING: suspicious RCU usage",
                     "[    1.0] BUG: KASAN: slab-use-after-free in f+0x1/0x2",
                     "[    1.0] BUG: sleeping function called from invalid context at mm/shmem.c:1",
                     "[    1.0] kernel BUG at mm/memfd.c:1!",
                     "[    1.0] Oops: general protection fault, probably for non-canonical address",
                     "[    1.0][   T12] BUG: unable to handle page fault for address: 0000"):
            self.assertEqual(kernel_cases.reports_in(f"a\r\n{line}\r\nb\r\n".encode()), [line])

    def test_what_is_none_is_left(self):
        for line in ("[    1.0] kvm: SEV-ES guests: DEBUG", "WARNING: this is not the kernel's",
                     "[    1.0] rcu: INFO: rcu_sched self-detected stall on CPU",
                     "[    1.0] BUG: workqueue lockup - pool cpus=0 node=0"):
            self.assertEqual(kernel_cases.reports_in(line.encode()), [])

    def test_log_without_its_checks_is_no_proof(self):
        check = kernel_cases.check_log("KernelAddressSanitizer initialized", "^ debug_locks: +1$")
        good = "[    0.0] KernelAddressSanitizer initialized\n debug_locks:             1\n"
        check(result(good))
        for bad in (good.replace("initialized", ""), good.replace("   1", "   0"),
                    good + "[    9.0] WARNING: CPU: 1\n"):
            with self.assertRaises(CheckFailed):
                check(result(bad))


if __name__ == "__main__":
    unittest.main()
