# SPDX-License-Identifier: Apache-2.0
"""The digests in guest-fw/README.md are those of the guest-fw that this tree builds.

Usage: guest_fw_digests_test.py BINARY README IMAGE COMPILER [TEST...]
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import mrtd
import reported

BINARY = ""
README = pathlib.Path()
IMAGE = pathlib.Path()
COMPILER = ""

ROW = re.compile(r"^\| ((?:snp|tdx)[^|]*) \| `([0-9a-f]{96})` \|$", re.MULTILINE)


def check_tools(test: unittest.TestCase) -> None:
    """Skips where the image is of other tools than the README's: they make other code."""
    for tool, expected in {COMPILER: r"^gcc .* 12\.2\.", "ld": r" 2\.40"}.items():
        line = subprocess.run([tool, "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=True).stdout.splitlines()[0]
        if not re.search(expected, line):
            test.skipTest(f"built by {line}; the README's digests are of g++ 12.2 and ld 2.40")


class GuestFwDigestsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="sealvm-guest-fw-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "kernel").write_bytes(bytes(1048576))
        (self.folder / "initrd").write_bytes(bytes(4096))

    def measure(self, row: str) -> str:
        """The digest for the words of a row's first column."""
        mode, *rest = row.split(", ")
        arguments = ["--isolation", mode, "--firmware", "guest-fw"]
        if mode == "snp":
            arguments += ["--cpu-model", "EPYC-Milan"]
        for word in rest:
            arguments += (["--kernel", "kernel", "--initrd", "initrd", "--cmdline", "console=ttyS0"]
                          if word == "kernel" else word.strip("`").split())
        return subprocess.run([BINARY, "measure", *arguments], cwd=self.folder, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60,
                              check=True).stdout.strip()

    def test_the_image_is_the_one_of_the_readme(self) -> None:
        check_tools(self)
        self.assertIn(f"SHA-256 `{hashlib.sha256(IMAGE.read_bytes()).hexdigest()}`",
                      README.read_text(encoding="utf-8"))

    def test_every_row(self) -> None:
        check_tools(self)
        rows = ROW.findall(README.read_text(encoding="utf-8"))
        self.assertEqual(len(rows), 9)
        for row, digest in rows:
            with self.subTest(row=row):
                self.assertEqual(self.measure(row), digest)

    def test_a_td_by_the_specification(self) -> None:
        self.assertEqual(self.measure("tdx"), mrtd.mrtd(IMAGE.read_bytes(), False))


if __name__ == "__main__":
    BINARY = reported.binary()
    README, IMAGE = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))
    COMPILER = sys.argv.pop(1)
    sys.exit(reported.run())
