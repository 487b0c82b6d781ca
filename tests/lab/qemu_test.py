# SPDX-License-Identifier: Apache-2.0
"""Tests of the choice of an emulator."""

import os
import pathlib
import tempfile
import unittest
import unittest.mock

from lab import qemu
from lab.errors import LabError, Unavailable, UsageError


class FindPatchedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = pathlib.Path(folder.name)
        patcher = unittest.mock.patch.dict(os.environ, {"SEALVM_CACHE": folder.name})
        patcher.start()
        self.addCleanup(patcher.stop)

    def add(self, entry: str, time: float = 0, change: bytes = b"") -> str:
        """A built QEMU whose patches are the tree's with something added."""
        patches = self.cache / "qemu" / entry / "patches"
        patches.mkdir(parents=True)
        for patch in qemu.PATCHES.glob("*.patch"):
            (patches / patch.name).write_bytes(patch.read_bytes() + change)
        program = self.cache / "qemu" / entry / qemu.PROGRAM
        program.touch()
        os.utime(program, (time, time))
        return str(program)

    def test_the_tree_has_patches(self):
        self.assertTrue(list(qemu.PATCHES.glob("*.patch")))

    def test_none_is_a_skip_that_says_what_to_do(self):
        with self.assertRaisesRegex(Unavailable, "run tools/setup qemu"):
            qemu.find("patched")

    def test_built_with_other_patches(self):
        self.add("10.0.13-abc", change=b"more")
        with self.assertRaises(Unavailable):
            qemu.find("patched")

    def test_built_with_a_patch_missing(self):
        self.add("10.0.13-abc")
        next((self.cache / "qemu/10.0.13-abc/patches").glob("*.patch")).unlink()
        with self.assertRaises(Unavailable):
            qemu.find("patched")

    def test_newest_is_taken(self):
        self.add("10.0.9-abc", time=1000)
        newest = self.add("10.0.13-abc", time=3000)
        self.add("10.0.11-abc", time=2000)
        self.assertEqual(qemu.find("patched").program, newest)

    def test_build_in_progress_and_log_are_passed_over(self):
        (self.cache / "qemu" / ".build").mkdir(parents=True)
        (self.cache / "qemu" / "build.log").touch()
        with self.assertRaises(Unavailable):
            qemu.find("patched")

    def test_features_are_asked_for(self):
        self.add("10.0.13-abc")
        self.assertEqual(qemu.find("patched").cpu, "EPYC-v4,+svm,+npt,+nrip-save,+decodeassists")

    def test_like_intel_withholds_instruction_bytes(self):
        self.add("10.0.13-abc")
        self.assertTrue(qemu.find("patched", "intel").cpu.endswith(",svm-insn-bytes=off"))


class FindStockTest(unittest.TestCase):
    def test_found(self):
        with unittest.mock.patch.object(qemu.shutil, "which", return_value="/bin/q"):
            self.assertEqual(qemu.find("stock"), qemu.Emulator("/bin/q", "EPYC-v4,+svm"))

    def test_missing(self):
        with unittest.mock.patch.object(qemu.shutil, "which", return_value=None):
            with self.assertRaisesRegex(LabError, "run tools/setup lab"):
                qemu.find("stock")

    def test_cannot_be_like_intel(self):
        with self.assertRaisesRegex(UsageError, "--qemu patched"):
            qemu.find("stock", "intel")


if __name__ == "__main__":
    unittest.main()
