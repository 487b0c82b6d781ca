# SPDX-License-Identifier: Apache-2.0
"""Tests of smoke_command.py."""

from __future__ import annotations

import os
import pathlib
import tempfile
import time
import unittest

from smoke_command import Commands


class CommandsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.logs = pathlib.Path(folder.name)
        self.commands = Commands(self.logs)

    def sh(self, script: str, timeout: float = 20, end_at: bytes | None = None):
        return self.commands.run("x", ["sh", "-c", script], timeout, end_at=end_at)

    def assert_gone(self, pid: int) -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            status = pathlib.Path(f"/proc/{pid}/stat")
            # A zombie that its new parent has not collected yet is gone as well.
            if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
                return
            time.sleep(0.05)
        self.fail(f"process {pid} is still there")

    def test_output_and_code_are_kept(self) -> None:
        finished = self.sh("echo out; echo first >&2; echo last >&2; exit 3")
        self.assertEqual((finished.code, finished.output, finished.ok), (3, b"out\n", False))
        self.assertEqual(finished.why(), "ended with 3: last")
        self.assertEqual((self.logs / "001-x.out").read_bytes(), b"out\n")
        self.assertIn("ended with 3", (self.logs / "001-x.txt").read_text())
        self.assertTrue(self.sh("exit 0").ok)
        self.assertTrue((self.logs / "002-x.txt").exists())

    def test_time_is_limited_and_nothing_is_left(self) -> None:
        finished = self.sh("sleep 1000 & echo $!; trap '' TERM; wait; sleep 1000", timeout=0.5)
        self.assertTrue(finished.timed_out)
        self.assertIn("did not end within its time", finished.why())
        self.assert_gone(int(finished.output))

    def test_what_a_good_program_leaves_ends_too(self) -> None:
        finished = self.sh("sleep 1000 >/dev/null & echo $!")
        self.assertTrue(finished.ok)
        self.assert_gone(int(finished.output))

    def test_a_word_in_the_output_ends_it(self) -> None:
        finished = self.sh("trap 'echo bye; exit 0' TERM; echo one; sleep 0.2; echo @@READY; "
                           "while :; do sleep 0.05; done", end_at=b"@@READY")
        self.assertTrue(finished.ok)
        self.assertEqual(finished.output, b"one\n@@READY\nbye\n")

    def test_a_program_that_is_not_there(self) -> None:
        finished = self.commands.run("x", [os.path.join(self.logs, "none")], 5)
        self.assertIsNone(finished.code)
        self.assertIn("No such file", finished.why())


if __name__ == "__main__":
    unittest.main()
