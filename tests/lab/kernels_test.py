# SPDX-License-Identifier: Apache-2.0
"""Tests of the choice of a kernel for L1."""

import json
import os
import pathlib
import tempfile
import unittest
import unittest.mock

from lab import kernels
from lab.errors import LabError, Unavailable


class FindPatchedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "tree")
        self.cache = pathlib.Path(folder.name, "cache")
        (self.root / "kernel").mkdir(parents=True)
        (self.root / "configs/kernel").mkdir(parents=True)
        self.sources = {"kernel/0001-a.patch": "one", "kernel/0002-b.patch": "two",
                        "configs/kernel/l1.config": "A=y"}
        for name, text in {**self.sources, "kernel/0000-cover-letter.patch": "Dear list",
                           "configs/kernel/lockdep.config": "B=y",
                           "configs/kernel/kasan.config": "C=y"}.items():
            (self.root / name).write_text(text)
        for patcher in (unittest.mock.patch.dict(os.environ, {"SEALVM_CACHE": str(self.cache)}),
                        unittest.mock.patch.object(kernels, "ROOT", self.root)):
            patcher.start()
            self.addCleanup(patcher.stop)

    def add(self, name: str, *more: str, time: float = 0, **changes: str) -> pathlib.Path:
        """A built kernel; its recipe is the tree's, with parts of the configuration and changes."""
        entry = self.cache / "kernels" / name
        (entry / "recipe").mkdir(parents=True)
        for source in (*self.sources, *(f"configs/kernel/{part}.config" for part in more)):
            (entry / "recipe" / pathlib.Path(source).name).write_text(
                (self.root / source).read_text())
        for file, text in changes.items():
            (entry / "recipe" / f"{file}.patch").write_text(text)
        (entry / "kernel.json").write_text(json.dumps({"release": "6.12.117-sealvm"}))
        (entry / "vmlinuz").touch()
        os.utime(entry, (time, time))
        return entry

    def test_none_is_a_skip_that_says_what_to_do(self):
        with self.assertRaisesRegex(Unavailable, "--l1 patched: .* run tools/setup kernel"):
            kernels.find_l1("patched")

    def test_found(self):
        entry = self.add("patched-6.12.117-1-abc")
        found = kernels.find_l1("patched")
        self.assertEqual((found.name, found.role, found.release, found.vmlinuz),
                         ("patched", "l1", "6.12.117-sealvm", entry / "vmlinuz"))

    def test_newest_is_taken(self):
        self.add("patched-6.12.9-1-abc", time=1000)
        newest = self.add("patched-6.12.117-1-abc", time=3000)
        self.add("patched-6.12.111-1-abc", time=2000)
        self.assertEqual(kernels.find_l1("patched").vmlinuz, newest / "vmlinuz")

    def test_other_patches_are_not_taken(self):
        self.add("patched-6.12.117-1-abc", **{"0001-a": "other"})
        self.add("patched-6.12.117-1-def", **{"0003-c": "more"})
        fewer = self.add("patched-6.12.117-1-ghi")
        (fewer / "recipe/0002-b.patch").unlink()
        with self.assertRaises(Unavailable):
            kernels.find_l1("patched")

    def test_flavours_are_not_mixed(self):
        self.add("patched-6.12.117-1-abc")
        with self.assertRaisesRegex(Unavailable, "run tools/setup kernel-debug"):
            kernels.find_l1("patched-debug")
        debug = self.add("patched-lockdep-kasan-6.12.117-1-def", "lockdep", "kasan")
        self.assertEqual(kernels.find_l1("patched-debug").vmlinuz, debug / "vmlinuz")

    def test_build_under_way_is_passed_over(self):
        (self.add("patched-6.12.117-1-abc") / "vmlinuz").unlink()
        self.add(".build-patched-6.12.117-1-abc")
        with self.assertRaises(Unavailable):
            kernels.find_l1("patched")

    def test_damaged_entry_is_named(self):
        (self.add("patched-6.12.117-1-abc") / "kernel.json").write_text("{}")
        with self.assertRaisesRegex(LabError, "abc cannot be used .* run tools/setup kernel"):
            kernels.find_l1("patched")

    def test_kernel_without_modules_has_what_is_built_in(self):
        entry = self.add("patched-6.12.117-1-abc")
        (entry / "modules").mkdir()
        (entry / "modules/modules.builtin").write_text("kernel/arch/x86/kvm/kvm.ko\n")
        modules = kernels.find_l1("patched").modules
        self.assertEqual(kernels.module_closure(modules, ["kvm"]), [])
        with self.assertRaisesRegex(LabError, "has no module vhost"):
            kernels.module_closure(modules, ["vhost"])


if __name__ == "__main__":
    unittest.main()
