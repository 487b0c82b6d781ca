# SPDX-License-Identifier: Apache-2.0
"""Tests of build.sh: what makes a kernel the one that is wanted, and what a failure leaves behind."""

import os
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "6.12.117-1~deb12u1"

# Stand-ins for the steps that take minutes: a source whose make does what the test says.
STEPS = f"""
check_tools() {{ :; }}
get_source() {{
  mkdir -p "$cache/linux-source/{VERSION}"
  ln -sfn {VERSION} "$cache/linux-source/current"
}}
unpack_source() {{ mkdir "$work/source"; echo old >"$work/source/file"; }}
kernel_make() {{ (cd "$work/source" && fake_make "$@"); }}
fake_make() {{
  mkdir -p arch/x86/boot include/config
  touch arch/x86/boot/bzImage vmlinux modules.builtin
  cp "$work/all.config" .config
  echo 6.12.117 >include/config/kernel.release
}}
"""


class BuildTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "kernel").mkdir()
        (self.root / "configs/kernel").mkdir(parents=True)
        for part in ("l1", "lockdep", "kasan"):
            (self.root / f"configs/kernel/{part}.config").write_text(f"CONFIG_{part.upper()}=y\n")
        self.patch = self.root / "kernel/0001-a.patch"
        self.write_patch("old", "new")

    def write_patch(self, before: str, after: str) -> None:
        self.patch.write_text(f"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-{before}\n+{after}\n")

    def bash(self, script: str) -> subprocess.CompletedProcess:
        preamble = (f"source {HERE}/build.sh\nroot={self.root} cache={self.root}/cache\n"
                    "kernels=$cache/kernels flavour= refresh=0\n")
        return subprocess.run(["bash", "-c", preamble + script], check=False, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)

    def build(self, *options: str, steps: str = "") -> subprocess.CompletedProcess:
        return self.bash(f"{STEPS}\n{steps}\nmain {' '.join(options)}")

    def entries(self) -> list[str]:
        return sorted(os.listdir(self.root / "cache/kernels"))

    def recipe(self) -> str:
        return self.bash("recipe").stdout.strip()

    def test_recipe_names_patches_and_configuration(self):
        recipes = [self.recipe()]
        self.assertRegex(recipes[0], "^[0-9a-f]{12}$")
        self.write_patch("old", "newer")
        recipes.append(self.recipe())
        (self.root / "kernel/0002-b.patch").write_text("more\n")
        recipes.append(self.recipe())
        (self.root / "configs/kernel/l1.config").write_text("CONFIG_L1=n\n")
        recipes.append(self.recipe())
        recipes.append(self.bash("flavour=-kasan; recipe").stdout.strip())
        self.assertEqual(len(set(recipes)), 5)

    def test_cover_letter_changes_nothing(self):
        before = self.recipe()
        (self.root / "kernel/0000-cover-letter.patch").write_text("Dear list\n")
        self.assertEqual(self.recipe(), before)

    def test_result_is_whole_and_its_folder_is_the_last_line(self):
        built = self.build("--kasan", "--lockdep")
        self.assertEqual(built.returncode, 0, built.stderr)
        folder = pathlib.Path(built.stdout.splitlines()[-1])
        self.assertRegex(folder.name, rf"^patched-lockdep-kasan-{VERSION}-[0-9a-f]{{12}}$")
        self.assertEqual(sorted(os.listdir(folder)),
                         ["config", "kernel.json", "modules", "recipe", "vmlinux", "vmlinuz"])
        self.assertEqual(sorted(os.listdir(folder / "recipe")),
                         ["0001-a.patch", "kasan.config", "l1.config", "lockdep.config"])
        self.assertEqual(self.entries(), ["build.lock", folder.name])

    def test_second_build_is_the_first(self):
        first = self.build()
        second = self.build(steps="unpack_source() { die again; }")
        self.assertEqual((second.returncode, second.stdout), (0, first.stdout))
        self.assertEqual(self.build("--check").stdout, first.stdout)

    def test_other_flavour_and_other_patches_are_not_it(self):
        self.build()
        self.assertEqual(self.build("--kasan", "--check").returncode, 1)
        self.write_patch("old", "newer")
        self.assertEqual(self.build("--check").returncode, 1)

    def test_refresh_keeps_what_is_new_enough(self):
        first = self.build()
        again = self.build("--refresh", steps="unpack_source() { die again; }")
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout))

    def test_failures_are_told_and_leave_nothing(self):
        self.write_patch("other", "new")
        cases = {"0001-a.patch does not apply to linux-source-6.12 6.12": ""}
        for text, steps in {
                "cannot be unpacked": 'unpack_source() { die "cannot be unpacked"; }',
                "a.c:1: error: no\n(.*\n)*kernel: error: the kernel did not build":
                    'patch_source() { :; }; compile() { echo "a.c:1: error: no" >"$log"; '
                    'build_failed "the kernel did not build"; }',
                "did not take effect: CONFIG_L1=y":
                    "patch_source() { :; }; fake_make() { : >.config; }",
        }.items():
            cases[text] = steps
        for text, steps in cases.items():
            with self.subTest(text):
                failed = self.build(steps=steps)
                self.assertEqual((failed.returncode, failed.stdout), (1, ""), failed.stderr)
                self.assertRegex(failed.stderr, text)
                self.assertFalse([name for name in self.entries() if name.startswith(".")])

    def test_rest_of_a_killed_build_goes(self):
        (self.root / "cache/kernels/.build-abc/source").mkdir(parents=True)
        self.build()
        self.assertFalse([name for name in self.entries() if name.startswith(".")])

    def test_missing_tools_are_named(self):
        ended = self.bash("command() { [[ $2 != bison ]]; }; gcc() { false; }; check_tools")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("missing: bison libelf-dev; run tools/setup kernel", ended.stderr)

    def test_unknown_option(self):
        self.assertEqual(self.build("--fast").returncode, 2)


if __name__ == "__main__":
    unittest.main()
