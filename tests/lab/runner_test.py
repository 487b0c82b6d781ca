# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks on guests' output and of the command line's values."""

import argparse
import collections
import contextlib
import dataclasses
import io
import pathlib
import types
import unittest
import unittest.mock

from lab import boots, cases, cli, kernel_cases, runner
from lab.case import Case, CheckFailed, expect_line, number_after, section
from lab.errors import LabError, Unavailable
from lab.session import Result
from lab.stage import STAGES, Stage


def result(stdout: str = "", exit_code: int = 0, timed_out: bool = False,
           stderr: str = "") -> Result:
    return Result(exit_code, timed_out, 1.0, stdout.encode(), stderr.encode(), b"")


def boot_output(cpus: int = 2, ram: int = 262143, rest: str = "@@READY\r\n") -> str:
    return f"\r\n@@INIT\r\n@@CPUS {cpus}\r\n@@RAMKIB {ram}\r\n{rest}"


class CheckBootTest(unittest.TestCase):
    check = staticmethod(boots.check_boot(cpus=2, memory_mib=256))

    def test_good_boot(self):
        self.check(result(boot_output()))

    def test_each_fault_is_found(self):
        faults = {
            "exit code 1": result(boot_output(), exit_code=1),
            "sees 1 vCPUs of 2": result(boot_output(cpus=1)),
            "sees 131072 KiB": result(boot_output(ram=131072)),
            "sees 999999 KiB": result(boot_output(ram=999999)),
            "no line '@@READY'": result(boot_output(rest="")),
            "no line '@@INIT'": result("Kernel panic\n"),
        }
        for text, output in faults.items():
            with self.assertRaisesRegex(CheckFailed, text):
                self.check(output)


class CheckExitsTest(unittest.TestCase):
    def test_limit(self):
        cases.check_exits(result("@@READY\nexits=300\n"))
        for count in ("301", "0"):
            with self.assertRaisesRegex(CheckFailed, f"{count} exits"):
                cases.check_exits(result(f"@@READY\nexits={count}\n"))

    def test_no_count_is_a_failure(self):
        with self.assertRaisesRegex(CheckFailed, "no line 'exits"):
            cases.check_exits(result("@@READY\n"))


class CheckReportsTest(unittest.TestCase):
    GOOD = ['{"event":"created"}', '{"event":"started"}', '{"event":"first-instruction"}',
            '{"event":"booted"}', '{"event":"exit"}']

    def output(self, events, stats='{"cpus":1}'):
        return result("== events\n" + "\n".join(events) + "\n== stats\n" + stats)

    def test_good_reports(self):
        cases.check_reports(self.output(self.GOOD))

    def test_wrong_order_missing_event_and_bad_json(self):
        for events, stats in ((self.GOOD[::-1], "{}"), (self.GOOD[:-1], '{"a":1}'),
                              (self.GOOD[:2] + ["{"], '{"a":1}'), (self.GOOD, ""),
                              (self.GOOD, "{}")):
            with self.assertRaises(CheckFailed):
                cases.check_reports(self.output(events, stats))


class JudgeTest(unittest.TestCase):
    CASE = Case("x", "true", cases.check_ended(0), limit=5)

    STAGE = Stage("6.12")

    def judge(self, case: Case, output: Result) -> tuple[str, str]:
        return runner.judge(self.STAGE, case, output)

    def test_passed(self):
        self.assertEqual(self.judge(self.CASE, result()), ("passed", ""))

    def test_measurement_is_told(self):
        case = Case("x", "true", cases.check_exits)
        self.assertEqual(self.judge(case, result("@@READY\nexits=220\n")),
                         ("passed", "220 exits to user space until init"))

    def test_what_does_not_exist_is_skipped(self):
        case = Case("x", "true", kernel_cases.check_tap)
        self.assertEqual(self.judge(case, result("1..1\nok 1 - a # SKIP no swap\n")),
                         ("skipped", "1 - a # SKIP no swap"))

    def test_what_the_own_kernel_reports_is_a_failure(self):
        report = dataclasses.replace(result(), console=b"[    3.1] BUG: KASAN: use-after-free\r\n")
        self.assertEqual(self.judge(self.CASE, report)[0], "passed")
        outcome, reason = runner.judge(Stage("patched", "patched"), self.CASE, report)
        self.assertEqual(outcome, "failed")
        self.assertIn("1 reports, first: [    3.1] BUG: KASAN: use-after-free", reason)

    def test_timeout_comes_before_the_check(self):
        late = result(exit_code=137, timed_out=True)
        self.assertEqual(self.judge(self.CASE, late), ("failed", "not finished after 5 s"))
        self.assertEqual(runner.judge(Stage("patched-debug", "patched"), self.CASE, late),
                         ("failed", "not finished after 25 s"))


class FakeLab:
    """Stands for L1: a script is the name of what happens."""

    boot_time = 0.0
    boots: list[str] = []

    def __init__(self, content, shape, *, boot_seconds):
        self.content = content
        self.console = b""

    def __enter__(self):
        self.boots.append(self.content.kernel.release)
        if self.content.kernel.release == "dead":
            raise LabError("L1 did not come up")
        return self

    def __exit__(self, *_):
        return None

    def run(self, script, limit):
        if script == "crash" or (script == "crash once" and len(self.boots) == 1):
            raise LabError("L1 ended by itself")
        if script == "crash once":
            return result()
        if script == "panic":
            self.console = b"[    9.0] Kernel panic - not syncing: Fatal exception\r\n"
            raise LabError("L1 ended by itself")
        return result(exit_code=int(script))


class WorkTest(unittest.TestCase):
    PROGRAMS = runner.Programs(pathlib.Path("sealvm"), pathlib.Path("helpers"))

    def setUp(self):
        FakeLab.boots = []
        kernel = types.SimpleNamespace(release="good")
        self.content = types.SimpleNamespace(kernel=kernel)
        for name, value in (("Lab", FakeLab), ("content_for", lambda *_: self.content)):
            patcher = unittest.mock.patch.object(runner, name, value)
            patcher.start()
            self.addCleanup(patcher.stop)
        find = unittest.mock.patch.object(runner.qemu, "find", lambda *choice: choice)
        find.start()
        self.addCleanup(find.stop)

    def run_scripts(self, *scripts: str, jobs: int = 1,
                    stage: Stage = Stage("6.12")) -> dict[str, str]:
        queues = {stage: collections.deque(
            Case(f"{i}", script, cases.check_ended(0)) for i, script in enumerate(scripts))}
        with contextlib.redirect_stdout(io.StringIO()):
            outcomes = runner.run_all([stage], queues, self.PROGRAMS, jobs)
        return {o.name.removeprefix(f"lab/{stage.name}/"): o.outcome for o in outcomes}

    def test_all_in_one_boot(self):
        self.assertEqual(self.run_scripts("0", "1", "0"),
                         {"0": "passed", "1": "failed", "2": "passed"})
        self.assertEqual(len(FakeLab.boots), 1)

    def test_a_test_that_takes_l1_down_twice_fails_alone(self):
        self.assertEqual(self.run_scripts("0", "crash", "0"),
                         {"0": "passed", "1": "failed", "2": "passed"})
        self.assertEqual(len(FakeLab.boots), 3)

    def test_a_test_in_which_l1_broke_gets_another(self):
        self.assertEqual(self.run_scripts("0", "crash once", "0"),
                         {"0": "passed", "1": "passed", "2": "passed"})
        self.assertEqual(len(FakeLab.boots), 2)

    def test_own_kernel_that_panics_gets_no_second_try(self):
        self.assertEqual(self.run_scripts("panic", "0", stage=Stage("patched", "patched")),
                         {"0": "failed", "1": "passed"})
        self.assertEqual(len(FakeLab.boots), 2)

    def test_without_a_boot_all_fail_after_one_try(self):
        self.content.kernel.release = "dead"
        self.assertEqual(self.run_scripts("0", "0"), {"0": "failed", "1": "failed"})
        self.assertEqual(len(FakeLab.boots), 1)

    def test_what_is_not_available_is_skipped(self):
        with unittest.mock.patch.object(runner.qemu, "find", side_effect=Unavailable("no")):
            self.assertEqual(self.run_scripts("0", "0"), {"0": "skipped", "1": "skipped"})

    def test_a_large_l1_is_skipped_where_memory_lacks(self):
        with self.assertRaisesRegex(Unavailable, "needs as much memory"):
            runner.check_memory(Stage("7.x", memory_mib=1 << 40))
        runner.check_memory(Stage("7.x"))

    def test_a_kernel_that_is_not_built_skips_all(self):
        with unittest.mock.patch.object(runner, "content_for", side_effect=Unavailable("no")):
            self.assertEqual(self.run_scripts("0", "0"), {"0": "skipped", "1": "skipped"})

    def test_missing_program_fails_all(self):
        with unittest.mock.patch.object(runner, "content_for", side_effect=LabError("no")):
            self.assertEqual(self.run_scripts("0", "0"), {"0": "failed", "1": "failed"})

    def test_one_test_is_one_boot_with_several_workers(self):
        self.run_scripts("0", jobs=4)
        self.assertEqual(len(FakeLab.boots), 1)

    def test_each_test_runs_once_with_several_workers(self):
        outcomes = self.run_scripts(*["0"] * 50, jobs=4)
        self.assertEqual(set(outcomes.values()), {"passed"})
        self.assertEqual(len(outcomes), 50)


class OutputTest(unittest.TestCase):
    def test_number(self):
        self.assertEqual(number_after(result("exits=12\n"), "exits"), 12)
        with self.assertRaises(CheckFailed):
            number_after(result("exits=many\n"), "exits")

    def test_a_line_is_matched_whole(self):
        with self.assertRaises(CheckFailed):
            expect_line(result("x @@INIT\n"), "@@INIT")

    def test_sections(self):
        output = result("== a\n1\n== b\n2\n")
        self.assertEqual((section(output, "a"), section(output, "b")), ("1\n", "2\n"))
        with self.assertRaises(CheckFailed):
            section(output, "c")


class CasesTest(unittest.TestCase):
    def test_names_are_unique(self):
        for suite in cases.SUITES:
            names = [runner.full_name(stage, case)
                     for stage in STAGES for case in cases.cases_for(stage, suite)]
            self.assertEqual(len(names), len(set(names)))

    def test_stages_are_named_by_what_is_special(self):
        self.assertEqual([stage.name for stage in STAGES],
                         ["6.12", "7.x", "7.x-patched", "7.x-patched-intel", "7.x-patched-9G",
                          "7.x-patched-intel-9G", "patched", "patched-debug"])

    def test_matrix_is_whole(self):
        names = {case.name for case in cases.cases_for(Stage("6.12"))}
        for kernel in ("cloud-6.1", "cloud-6.12", "cloud-7.x"):
            for image in ("vmlinuz", "vmlinux"):
                for cpus in (1, 2):
                    self.assertIn(f"boot/{kernel}/{image}/{cpus}-cpu", names)

    def test_soak_boots_every_kernel_sealed(self):
        names = {runner.full_name(stage, case)
                 for stage in STAGES for case in cases.cases_for(stage, "soak")}
        for stage in ("7.x-patched", "7.x-patched-intel"):
            for kernel in ("cloud-6.1", "cloud-6.12", "cloud-7.x"):
                for cpus in (1, 2):
                    boot = f"sealed/{kernel}/vmlinuz/{cpus}-cpu"
                    self.assertIn(f"lab/{stage}/{boot}/512M", names)
                    self.assertIn(f"lab/{stage}-9G/{boot}/6144M", names)


class CommandLineTest(unittest.TestCase):
    def test_memory(self):
        self.assertEqual(cli.parse_memory("4G"), 4096)
        self.assertEqual(cli.parse_memory("2048m"), 2048)
        for text in ("", "4", "0G", "3.5G", "511M", "2000000T", "-1G", "4GB"):
            with self.assertRaises(argparse.ArgumentTypeError, msg=text):
                cli.parse_memory(text)

    def test_cpus(self):
        self.assertEqual(cli.parse_cpus("64"), 64)
        for text in ("0", "65", "-1", "two", ""):
            with self.assertRaises(argparse.ArgumentTypeError, msg=text):
                cli.parse_cpus(text)

    def test_seconds(self):
        self.assertEqual(cli.parse_seconds("0.5"), 0.5)
        for text in ("0", "-1", "nan", "inf", "soon"):
            with self.assertRaises(argparse.ArgumentTypeError, msg=text):
                cli.parse_seconds(text)

    def test_command_after_dashes_keeps_its_own_options(self):
        options = cli.make_parser().parse_args(
            ["run", "--cpus", "1", "--", "sealvm", "run", "--cpus", "4", "--", "x"])
        self.assertEqual(options.cpus, 1)
        self.assertEqual(cli.command_of(options), ["sealvm", "run", "--cpus", "4", "--", "x"])


if __name__ == "__main__":
    unittest.main()
