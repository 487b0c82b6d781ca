# SPDX-License-Identifier: Apache-2.0
"""Tests of kernel.sh: which kernels are built, and that nothing is done where all are there."""

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

    def setup_kernel(self, build: str, refresh: int = 0) -> subprocess.CompletedProcess:
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
            setup_kernel"""], check=False, capture_output=True, text=True)

    def test_nothing_is_installed_where_all_are_built(self):
        ended = self.setup_kernel("exit 0")
        self.assertEqual((ended.returncode, ended.stderr.splitlines()),
                         (0, ["build: --check", "build: --lockdep --kasan --check"]))

    def test_what_is_missing_is_built(self):
        ended = self.setup_kernel('[ "$*" != "--lockdep --kasan --check" ]')
        self.assertEqual((ended.returncode, ended.stderr.splitlines()[2:]),
                         (0, ["install", "fetch source", "build: --lockdep --kasan"]))

    def test_refresh_asks_for_a_newer_source(self):
        ended = self.setup_kernel("exit 0", refresh=1)
        self.assertEqual(ended.stderr.splitlines(), [
            "install", "fetch source", "build: --refresh", "build: --lockdep --kasan --refresh"])

    def test_failure_is_told(self):
        ended = self.setup_kernel("exit 1")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("kernel/build.sh failed", " ".join(ended.stderr.split()))


if __name__ == "__main__":
    unittest.main()
