# SPDX-License-Identifier: Apache-2.0
"""Tests of smoke_guest.py."""

from __future__ import annotations

import base64
import pathlib
import struct
import tempfile
import unittest

import smoke_guest


def bzimage(version: str) -> bytes:
    header = bytearray(0x400)
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", header, 0x20E, 0x100)
    header[0x300:0x300 + len(version)] = version.encode()
    return bytes(header)


class KernelTest(unittest.TestCase):
    def test_release_is_the_first_word(self) -> None:
        self.assertEqual(smoke_guest.kernel_release(bzimage("6.12.1-x (who@where) #1")), "6.12.1-x")

    def test_other_files_are_refused(self) -> None:
        for content in (b"", b"x" * 100, bytes(0x400), bzimage("")):
            with self.assertRaises(smoke_guest.GuestError):
                smoke_guest.kernel_release(content)

    def test_named_kernel_needs_its_modules(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            kernel = folder / "vmlinuz"
            kernel.write_bytes(bzimage("0.0.1-none"))
            with self.assertRaisesRegex(smoke_guest.GuestError, "--modules"):
                smoke_guest.find_kernel(kernel, None)
            found = smoke_guest.find_kernel(kernel, folder)
            self.assertEqual(found, smoke_guest.GuestKernel(kernel, folder))
            with self.assertRaisesRegex(smoke_guest.GuestError, "--kernel .*none"):
                smoke_guest.find_kernel(folder / "none", folder)
            with self.assertRaisesRegex(smoke_guest.GuestError, "no initramfs"):
                smoke_guest.build_initrd(found)


class ConsoleTest(unittest.TestCase):
    def test_facts_and_reports(self) -> None:
        report = bytes(range(256))
        lines = base64.encodebytes(report).decode()
        told = smoke_guest.read_console(
            f"boot noise\r\n@@CPUS 2\r\n@@BEGIN snp\r\n{lines}@@END\r\n@@READY\r\n".encode())
        self.assertEqual(told.facts, {"CPUS": "2", "READY": ""})
        self.assertEqual(told.reports, {"snp": report})

    def test_what_cannot_be_read_is_left_out(self) -> None:
        told = smoke_guest.read_console(b"@@BEGIN snp\n!!!\n@@END\n@@END\n\xff@@X\n@@BEGIN tdx\nAAAA")
        self.assertEqual(told.reports, {})

    def test_the_first_word_counts(self) -> None:
        self.assertEqual(smoke_guest.read_console(b"@@CPUS 2\n@@CPUS 3\n").facts["CPUS"], "2")

    def test_disk_has_no_two_equal_sectors(self) -> None:
        content = smoke_guest.disk_content()
        sectors = {content[i:i + 512] for i in range(0, len(content), 512)}
        self.assertEqual(len(sectors), smoke_guest.DISK_SECTORS)


if __name__ == "__main__":
    unittest.main()
