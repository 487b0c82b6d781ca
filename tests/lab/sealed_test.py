# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks on private memory and sealed guests."""

import unittest

from lab import sealed_cases, secrecy_cases
from lab.case import CheckFailed
from lab.session import Result


def result(stdout: str = "", exit_code: int = 0) -> Result:
    return Result(exit_code, False, 1.0, stdout.encode(), b"", b"")


class CheckPrivateGuestTest(unittest.TestCase):
    ALL = "host cannot read\nstep alive\nmmio exit\n"
    STOPPED = ("host cannot read\nstep alive\nstep cr3\n"
               "failed cr0-write-and-read: exit reason 8, expected exit reason 2, value 0x1\n")

    def test_all_steps(self):
        sealed_cases.check_private_guest("exit")(result(self.ALL))

    def test_each_fault_is_found(self):
        for output in (result(self.ALL, exit_code=1), result(self.ALL.replace("cannot", "can")),
                       result(self.ALL.replace("mmio exit", "mmio shutdown")),
                       result(self.ALL.replace("mmio exit", "mmio unexpected"))):
            with self.assertRaises(CheckFailed):
                sealed_cases.check_private_guest("exit")(output)

    def test_stock_qemu_stops_it(self):
        sealed_cases.check_private_guest_stops(result(self.STOPPED, exit_code=1))

    def test_another_end_is_not_the_one_of_stock_qemu(self):
        for output in (result(self.ALL), result("cannot create a VM: Invalid argument\n", 2),
                       result(self.STOPPED), result(self.STOPPED.replace("step cr3", ""), 1),
                       result(self.STOPPED.replace("failed cr0", "failed cr4"), 1)):
            with self.assertRaises(CheckFailed):
                sealed_cases.check_private_guest_stops(output)


class BootsInARowTest(unittest.TestCase):
    GOOD = "@@INIT\n@@CPUS 2\n@@RAMKIB 524287\n@@READY\nstatus=0\n"

    def output(self, boots: list[str]) -> Result:
        return result("".join(f"== boot {i}\n{text}" for i, text in enumerate(boots, 1)))

    def test_all_good(self):
        self.assertEqual(sealed_cases.check_boots_in_a_row()(self.output([self.GOOD] * 20)),
                         "20 of 20 boots")

    def test_each_fault_is_found_and_named(self):
        for bad in (self.GOOD.replace("status=0", "status=3"), "status=1\n",
                    self.GOOD.replace("CPUS 2", "CPUS 1")):
            with self.assertRaisesRegex(CheckFailed, "1 of 20 boots failed: boot 5:"):
                sealed_cases.check_boots_in_a_row()(
                    self.output([self.GOOD] * 4 + [bad] + [self.GOOD] * 15))

    def test_a_boot_that_is_missing_is_found(self):
        with self.assertRaises(CheckFailed):
            sealed_cases.check_boots_in_a_row()(self.output([self.GOOD] * 19))


class CostTest(unittest.TestCase):
    def exits(self, none: int, sealed: int) -> Result:
        return result(f"== exits none\nexits={none}\n== exits sealed\nexits={sealed}\n")

    def times(self, sealed: str) -> Result:
        return result("".join(f"== time none {i}\nseconds=6.00\n== time sealed {i}\n{sealed}\n"
                              for i in range(3)))

    def test_two_more_exits_are_allowed(self):
        self.assertIn("none 220, sealed 222", sealed_cases.check_more_exits(self.exits(220, 222)))
        for none, sealed in ((220, 223), (0, 0)):
            with self.assertRaisesRegex(CheckFailed, f"none {none}, sealed {sealed}"):
                sealed_cases.check_more_exits(self.exits(none, sealed))

    def test_a_boot_that_is_too_slow_fails(self):
        self.assertIn("ratio 1.14", sealed_cases.check_cost(self.times("seconds=6.84")))
        with self.assertRaisesRegex(CheckFailed, "ratio 1.17"):
            sealed_cases.check_cost(self.times("seconds=7.00"))

    def test_a_guest_without_init_fails(self):
        with self.assertRaises(CheckFailed):
            sealed_cases.check_cost(self.times("Kernel panic"))


class SecrecyTest(unittest.TestCase):
    EXPECTED = {"heap": 400000, "file": 200000, "key": 192, "socket": 6144}
    NOTHING = dict.fromkeys(EXPECTED, 0)
    NAMES = ("fd-read", "fd-map", "fd-reopen", "proc-mem", "vm-readv", "ptrace")

    def output(self, hits: dict[str, int], *, pages: int = 1 << 17, exit_code: int = 0,
               names: tuple[str, ...] = NAMES, **other: dict[str, int]) -> Result:
        """What scan_outside prints; `other` has the hits of single doors, '_' for '-'."""
        def words(numbers: dict[str, int]) -> str:
            return " ".join(f"{name}={number}" for name, number in numbers.items())

        doors = "".join(
            f"door {name} tried={pages} read={pages} "
            f"{words(other.get(name.replace('-', '_'), hits))}\n" for name in names)
        return result(f"@@SECRETS\nexpected {words(self.EXPECTED)}\n"
                      "object /memfd:sealvm-guest (deleted) pages=65536 nonzero=1 0x0-0x1000\n"
                      "object /[kvm-gmem] (deleted) pages=65536 nonzero=0\n"
                      f"{doors}@@SECRETS-INTACT\n", exit_code)

    def test_sealed_guest_without_hits(self):
        text = secrecy_cases.check_scan("outside", "sealed")(self.output(self.NOTHING))
        self.assertIn("0 hits at 6 doors", text)
        self.assertIn("1 of 65536 host-visible pages are not zero 0x0-0x1000", text)
        self.assertIn("no core", text)

    def test_open_guest_with_all_hits(self):
        secrecy_cases.check_scan("outside", "none")(self.output(self.EXPECTED))

    def test_one_hit_in_a_sealed_guest_fails(self):
        leak = {**self.NOTHING, "key": 1}
        for door in ("ptrace", "proc_mem"):
            with self.assertRaisesRegex(CheckFailed, "secrets came through door"):
                secrecy_cases.check_scan("outside", "sealed")(
                    self.output(self.NOTHING, **{door: leak}))

    def test_a_control_that_finds_too_little_fails(self):
        for door, hits in (("proc_mem", {**self.EXPECTED, "key": 191}), ("ptrace", self.NOTHING)):
            with self.assertRaisesRegex(CheckFailed, "found"):
                secrecy_cases.check_scan("outside", "none")(
                    self.output(self.EXPECTED, **{door: hits}))

    def test_a_scan_of_little_or_not_to_the_end_fails(self):
        check = secrecy_cases.check_scan("outside", "sealed")
        for output in (self.output(self.NOTHING, pages=100), self.output(self.NOTHING, exit_code=1),
                       self.output(self.NOTHING, names=self.NAMES[1:]), result("@@SECRETS\n"),
                       result(self.output(self.NOTHING).stdout.decode().replace("-INTACT", "")),
                       result(self.output(self.NOTHING).stdout.decode().replace("gmem", ""))):
            with self.assertRaises(CheckFailed):
                check(output)


if __name__ == "__main__":
    unittest.main()
