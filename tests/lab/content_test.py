# SPDX-License-Identifier: Apache-2.0
"""Tests of what goes into L1: modules, programs, files."""

import gzip
import io
import json
import lzma
import pathlib
import struct
import tempfile
import unittest

from lab import cpio, initrd, kernels
from lab.errors import LabError, UsageError


def module(depends: str) -> bytes:
    return b"\x7fELF...\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"


class ModuleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.modules = pathlib.Path(folder.name, "modules")
        (self.modules / "kernel/arch").mkdir(parents=True)
        (self.modules / "modules.builtin").write_text("kernel/lib/built-in-one.ko\n")
        self.add("kvm-amd.ko.xz", "kvm,ccp,built_in_one")
        self.add("kvm.ko", "irqbypass")
        self.add("ccp.ko", "")
        self.add("irqbypass.ko.xz", "")

    def add(self, name: str, depends: str):
        content = module(depends)
        (self.modules / "kernel/arch" / name).write_bytes(
            lzma.compress(content) if name.endswith(".xz") else content)

    def test_dependencies_come_first_and_once(self):
        names = [m.name for m in kernels.module_closure(self.modules, ["kvm-amd", "kvm"])]
        self.assertEqual(names, ["irqbypass", "kvm", "ccp", "kvm_amd"])

    def test_modules_are_unpacked(self):
        found = kernels.module_closure(self.modules, ["irqbypass"])
        self.assertEqual(found[0].content, module(""))

    def test_built_in_module_is_left_out(self):
        self.assertEqual(kernels.module_closure(self.modules, ["built-in-one"]), [])

    def test_unknown_module_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(LabError, "no module vhost"):
            kernels.module_closure(self.modules, ["vhost"])

    def test_circle_ends(self):
        self.add("a.ko", "b")
        self.add("b.ko", "a")
        self.assertEqual(len(kernels.module_closure(self.modules, ["a"])), 2)


class CacheTest(unittest.TestCase):
    def test_absent_cache_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(LabError, "run tools/setup"):
                kernels.load(pathlib.Path(folder))

    def test_damaged_index_says_what_to_do(self):
        for content in ("", "[]", "{}", json.dumps({"version": 99, "kernels": {}}),
                        json.dumps({"version": 1, "kernels": {"x": {}}})):
            with tempfile.TemporaryDirectory() as folder:
                index = pathlib.Path(folder, "kernels", "index.json")
                index.parent.mkdir()
                index.write_text(content)
                with self.assertRaisesRegex(LabError, "run tools/setup", msg=content):
                    kernels.load(pathlib.Path(folder))


def elf(*types: int) -> bytes:
    header = bytearray(64)
    header[:4] = b"\x7fELF"
    struct.pack_into("<Q", header, 0x20, 64)
    struct.pack_into("<HH", header, 0x36, 56, len(types))
    return bytes(header) + b"".join(struct.pack("<I", t).ljust(56, b"\0") for t in types)


class ProgramTest(unittest.TestCase):
    def test_static_program(self):
        self.assertTrue(initrd.is_static(elf(1, 1, 4)))

    def test_program_with_a_loader(self):
        self.assertFalse(initrd.is_static(elf(6, 3, 1)))

    def test_truncated_headers_and_other_files(self):
        for content in (b"", b"\x7fELF", elf(1, 1)[:80], b"#!/bin/sh\n" * 20):
            self.assertFalse(initrd.is_static(content), content[:8])


class GuestTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = pathlib.Path(folder.name, "keep_it")

    def test_a_guest_program_gets_a_command_name(self):
        self.program.write_bytes(elf(1))
        self.assertIn(b"bin/keep-it\0", gzip.decompress(initrd.build_guest([], [self.program])))

    def test_a_missing_or_dynamic_program_says_what_to_build(self):
        with self.assertRaisesRegex(LabError, "keep_it is missing: build it with 'bazel build"):
            initrd.build_guest([], [self.program])
        self.program.write_bytes(elf(3))
        with self.assertRaisesRegex(LabError, "not a static program"):
            initrd.build_guest([], [self.program])


class FilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def names(self, *files: pathlib.Path) -> str:
        stream = io.BytesIO()
        initrd._add_files(cpio.Writer(stream), files)
        return stream.getvalue().decode(errors="replace")

    def test_folder_comes_with_its_content(self):
        (self.folder / "d/e").mkdir(parents=True)
        (self.folder / "d/e/f").write_text("content")
        self.assertIn("root/d/e/f\0", self.names(self.folder / "d"))

    def test_two_files_of_one_name(self):
        for side in ("a", "b"):
            (self.folder / side).mkdir()
            (self.folder / side / "same").touch()
        with self.assertRaisesRegex(UsageError, "two files are called same"):
            self.names(self.folder / "a/same", self.folder / "b/same")

    def test_absent_file_is_named(self):
        with self.assertRaisesRegex(UsageError, "--file .*nowhere: No such file"):
            self.names(self.folder / "nowhere")


if __name__ == "__main__":
    unittest.main()
