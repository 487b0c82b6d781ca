# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks on devices, and of what their tests put into L1."""

import io
import pathlib
import unittest

from lab import cpio, device_cases, device_cost_cases, programs
from lab.case import CheckFailed
from lab.errors import LabError
from lab.session import Result


def result(stdout: str) -> Result:
    return Result(0, False, 1.0, stdout.encode(), b"", b"")


class ProgramsTest(unittest.TestCase):
    def test_a_program_comes_with_its_loader_and_libraries(self):
        archive = io.BytesIO()
        programs.add(cpio.Writer(archive), ["env"], "top")
        content = archive.getvalue()
        for name in (b"top/usr/bin/env\0", b"/ld-linux-x86-64.so.2\0", b"/libc.so.6\0"):
            self.assertIn(name, content)

    def test_libraries_of_what_is_no_program(self):
        with self.assertRaisesRegex(LabError, "lacks libraries"):
            programs.libraries(pathlib.Path(__file__))

    def test_a_missing_program_says_what_to_run(self):
        with self.assertRaisesRegex(LabError, "no-such-program is missing: run tools/setup lab"):
            programs.find("no-such-program")


class CheckTogetherTest(unittest.TestCase):
    SUM = "0123456789abcdef" * 2
    GOOD = "\n".join([
        f"page={SUM}", f"shared={SUM}", "@@ROOT ext4", "@@DISK intact", "@@ADDRESS 10.0.2.15",
        f"@@FETCHED {SUM}", f"@@SERVED {SUM}", f"got={SUM}", "@@RNG 1024", f"@@SHARED {SUM}",
        f"@@WRITTEN {SUM}", "@@VSOCK out", "@@VSOCK in", "vsock-in=0", "vsock-out=0", "status=0",
        f"written={SUM}", "e2fsck=0", ""])

    def test_good(self):
        device_cases.check_together(result(self.GOOD))

    def test_each_line_matters(self):
        for line in self.GOOD.splitlines():
            with self.assertRaises(CheckFailed, msg=line):
                device_cases.check_together(result(self.GOOD.replace(f"{line}\n", "")))

    def test_sums_of_nothing_are_not_equal(self):
        with self.assertRaises(CheckFailed):
            device_cases.check_together(result(self.GOOD.replace(self.SUM, "")))


class CheckRecordsTest(unittest.TestCase):
    GOOD = ("round 1 durable=0 found=0 e2fsck=0\nround 2 durable=15 found=16 e2fsck=1\n"
            "status=0\nround end durable=30 found=30 e2fsck=0\n")

    def test_good(self):
        self.assertEqual(device_cases.check_records(2)(result(self.GOOD)),
                         "30 records durable over 2 kills")

    def test_each_fault_is_found(self):
        for good, bad in (("found=16", "found=14"), ("found=30", "found="),
                          ("e2fsck=1", "e2fsck=4"), ("status=0", "status=1"),
                          ("round 2", "round 3"), ("durable=30", "durable=9")):
            with self.assertRaises(CheckFailed, msg=bad):
                device_cases.check_records(2)(result(self.GOOD.replace(good, bad)))


class CheckFaultsTest(unittest.TestCase):
    GOOD = ("disk check mib=32 intact=32 unreadable=0\n"
            "disk check mib=32 intact=16 unreadable=16\n"
            "disk check mib=32 intact=14 unreadable=0\n@@TAP-ENDED 1\n"
            "disk check mib=16 intact=16 unreadable=0\n@@ALIVE\nstatus=0\n")

    def test_good(self):
        self.assertEqual(device_cases.check_faults(result(self.GOOD)), "14 of 32 MiB fit")

    def test_each_fault_is_found(self):
        for good, bad in (("intact=32", "intact=31"), ("intact=16 unreadable=16", "intact=32"),
                          ("intact=14", "intact=7"), ("ENDED 1", "ENDED 0"), ("@@ALIVE\n", ""),
                          ("status=0", "status=1"), ("@@ALIVE", "@@FILLED\n@@ALIVE")):
            with self.assertRaises(CheckFailed, msg=bad):
                device_cases.check_faults(result(self.GOOD.replace(good, bad)))


class CostTest(unittest.TestCase):
    def test_exits_of_messages(self):
        check = device_cost_cases.check_message_exits
        check(result("status=0\nexits 40\nexits 6\n"))
        for exits in ("exits 41\nexits 6\n", "exits 40\nexits 7\n", "exits 4\n"):
            with self.assertRaises(CheckFailed):
                check(result("status=0\n" + exits))

    def test_exits_of_ports(self):
        check = device_cost_cases.check_port_exits
        lines = "@@INTERRUPTS a-b 2000\n@@INTERRUPTS c-d 64\nstatus=0\n"
        check(result(lines + "exits 2001\nexits 64\n"))
        for bad in (lines + "exits 2101\nexits 64\n", "status=0\nexits 0\nexits 0\n"):
            with self.assertRaises(CheckFailed):
                check(result(bad))

    @staticmethod
    def run_of(name: str, seconds: float) -> str:
        return (f"== {name}\ndisk random-read count=3000 seconds={seconds}\n"
                f"disk sequential-read count=256 seconds={seconds}\n"
                f"stream up mib=64 seconds={seconds}\nstream down mib=64 seconds={seconds}\n")

    def test_rates_are_compared_by_pair(self):
        def output(own: float) -> Result:
            return result("".join(self.run_of("sealvm 1", own) + self.run_of("mmio 1", 2.0)
                                  + self.run_of("pci 1", 1.0)))
        self.assertIn("up: 64/s, QEMU's times 2.00 (mmio), 1.00 (pci)",
                      device_cost_cases.check_rates(1)(output(1.0)))
        with self.assertRaises(CheckFailed):
            device_cost_cases.check_rates(1)(output(4.0))


if __name__ == "__main__":
    unittest.main()
