# SPDX-License-Identifier: Apache-2.0
"""Tests of kernel.sh: which kernel is built, and that nothing is done where it is there."""

import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class KernelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "kernel").mkdir()

    def setup_kernel(self, build: str, refresh: int = 0, flavour: str = "") -> subprocess.CompletedProcess:
        """The part with a stand-in for build.sh; each step says its name."""
        script = self.root / "kernel/build.sh"
        script.write_text(f"#!/bin/sh\necho \"build: $*\" >&2\n{build}\n")
        script.chmod(0o755)
        return subprocess.run(["bash", "-c", f"""
            set -euo pipefail; root={self.root} cache={self.root}/cache refresh={refresh}
            exec {{lock}}>"$root/lock"
            say() {{ echo "$@" >&2; }}; die() {{ say "$@"; exit 1; }}
            install_packages() {{ say install; }}; fetch() {{ say "fetch $1"; }}
            source {HERE}/kernel.sh
            setup_kernel {flavour}"""], check=False, capture_output=True, text=True)

    def test_nothing_is_installed_where_it_is_built(self):
        ended = self.setup_kernel("exit 0")
        self.assertEqual((ended.returncode, ended.stderr.splitlines()), (0, ["build: --check"]))

    def test_what_is_missing_is_built(self):
        for flavour in ("", "--lockdep --kasan "):
            ended = self.setup_kernel(f'[ "$*" != "{flavour}--check" ]', flavour=flavour)
            self.assertEqual((ended.returncode, ended.stderr.splitlines()),
                             (0, [f"build: {flavour}--check", "install", "fetch source",
                                  f"build: {flavour.strip()}"]))

    def test_refresh_asks_for_a_newer_source(self):
        ended = self.setup_kernel("exit 0", refresh=1)
        self.assertEqual(ended.stderr.splitlines(), ["install", "fetch source", "build: --refresh"])

    def test_failure_is_told(self):
        ended = self.setup_kernel("exit 1")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("kernel/build.sh failed", " ".join(ended.stderr.split()))


if __name__ == "__main__":
    unittest.main()
