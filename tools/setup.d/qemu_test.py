# SPDX-License-Identifier: Apache-2.0
"""Tests of qemu.sh: what makes a built QEMU the one that is wanted."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class QemuTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.patches = self.root / "tests/lab/qemu"
        self.patches.mkdir(parents=True)
        (self.patches / "0001-a.patch").write_text("one\n")

    def bash(self, script: str, given: str = "") -> subprocess.CompletedProcess:
        """Runs a script as tools/setup would, with stand-ins for its other parts."""
        preamble = (f'set -euo pipefail; root={self.root} cache={self.root}/cache refresh=0\n'
                    'say() { echo "$@" >&2; }; die() { say "$@"; exit 1; }\n'
                    f'source {HERE}/qemu.sh\n')
        return subprocess.run(["bash", "-c", preamble + script], input=given, check=False,
                              capture_output=True, text=True)

    def recipe(self) -> str:
        return self.bash("qemu_recipe").stdout.strip()

    def add_built(self, name: str, program: str = "#!/bin/sh\nexit 0\n") -> None:
        entry = self.root / "cache/qemu" / name
        entry.mkdir(parents=True)
        (entry / "qemu-system-x86_64").write_text(program)
        (entry / "qemu-system-x86_64").chmod(0o755)

    def is_built(self) -> bool:
        return self.bash("qemu_is_built").returncode == 0

    def test_recipe_names_content(self):
        first = self.recipe()
        self.assertRegex(first, "^[0-9a-f]{12}$")
        self.assertEqual(self.recipe(), first)
        (self.patches / "0001-a.patch").write_text("two\n")
        second = self.recipe()
        (self.patches / "0002-b.patch").write_text("three\n")
        self.assertEqual(len({first, second, self.recipe()}), 3)

    def test_recipe_covers_the_configure_line(self):
        changed = self.bash("QEMU_CONFIGURE+=(--enable-more); qemu_recipe").stdout.strip()
        self.assertNotEqual(changed, self.recipe())

    def test_nothing_built(self):
        self.assertFalse(self.is_built())

    def test_built_from_this_tree(self):
        self.add_built(f"10.0.13+ds-0-{self.recipe()}")
        self.assertTrue(self.is_built())

    def test_built_from_another_tree(self):
        self.add_built("10.0.13+ds-0-0123456789ab")
        self.assertFalse(self.is_built())

    def test_built_but_does_not_start(self):
        self.add_built(f"10.0.13+ds-0-{self.recipe()}", "#!/bin/sh\nexit 127\n")
        self.assertFalse(self.is_built())

    def test_part_ends_at_once_when_built(self):
        self.add_built(f"10.0.13+ds-0-{self.recipe()}")
        ended = self.bash("install_packages() { die 'installs'; }; setup_qemu")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_patch_that_does_not_apply_is_named(self):
        ended = self.bash('qemu_work=$root/work; mkdir -p "$qemu_work/source"; patch_qemu')
        self.assertEqual(ended.returncode, 1)
        self.assertIn("0001-a.patch does not apply", ended.stderr)

    def fail_in(self, **programs: str) -> subprocess.CompletedProcess:
        """The outcome of a build with stand-ins for QEMU's configure and for ninja."""
        work = self.root / "work"
        (work / "source").mkdir(parents=True)
        (self.root / "cache/qemu").mkdir(parents=True)
        for name, script in {"source/configure": programs["configure"],
                             "ninja": programs["ninja"]}.items():
            (work / name).write_text(f"#!/bin/sh\n{script}\n")
            (work / name).chmod(0o755)
        return self.bash('qemu_work=$root/work PATH=$root/work:$PATH; exec {lock}>"$root/lock"\n'
                         "compile_qemu")

    def test_failed_configure_is_told(self):
        ended = self.fail_in(configure="echo no glib; exit 1", ninja="exit 0")
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, "no glib\n(.*\n)*QEMU's configure failed")

    def test_failed_build_is_told(self):
        for output in ("FAILED: a.o", "out of memory"):
            with self.subTest(output):
                ended = self.fail_in(configure="exit 0", ninja=f"echo '{output}'; exit 1")
                self.assertEqual(ended.returncode, 1)
                self.assertRegex(ended.stderr, f"{output}\n(.*\n)*QEMU did not build")
            shutil.rmtree(self.root / "work")
            shutil.rmtree(self.root / "cache")

    def test_progress(self):
        lines = "".join(f"[{done}/200] Compiling a/b[{done}].c\n" for done in range(1, 201))
        said = self.bash("show_progress", "The build system\nwarning: [x/y]\n" + lines).stderr
        self.assertEqual(said, "".join(f"setup: QEMU: {n}0 %\n" for n in range(1, 11)))


if __name__ == "__main__":
    unittest.main()
