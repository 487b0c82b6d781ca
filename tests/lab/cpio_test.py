# SPDX-License-Identifier: Apache-2.0
"""Tests of lab.cpio, against the cpio tool and byte by byte."""

import io
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from lab import cpio


def archive_of(fill) -> bytes:
    stream = io.BytesIO()
    writer = cpio.Writer(stream)
    fill(writer)
    writer.close()
    return stream.getvalue()


class HeaderTest(unittest.TestCase):
    def test_fields_of_a_file(self):
        data = archive_of(lambda w: w.data("a", b"xyz", 0o640))
        fields = [int(data[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        self.assertEqual(data[:6], b"070701")
        self.assertEqual(fields[1], stat.S_IFREG | 0o640)
        self.assertEqual(fields[6], 3)
        self.assertEqual(fields[11], 2)  # "a" and its NUL

    def test_entries_start_at_multiples_of_four(self):
        for size in range(5):
            data = archive_of(lambda w, size=size: w.data("ab", b"x" * size))
            second = data.index(b"070701", 1)
            self.assertEqual(second % 4, 0, f"content of {size} bytes")
            self.assertEqual(len(data) % 4, 0)

    def test_device_numbers(self):
        data = archive_of(lambda w: w.device("console", 5, 1))
        fields = [int(data[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        self.assertEqual((fields[9], fields[10]), (5, 1))
        self.assertEqual(stat.S_IFMT(fields[1]), stat.S_IFCHR)

    def test_same_input_gives_same_bytes(self):
        def fill(w):
            w.text("x/y", "1")
            w.link("l", "x")

        self.assertEqual(archive_of(fill), archive_of(fill))

    def test_same_name_twice_is_an_error(self):
        writer = cpio.Writer(io.BytesIO())
        writer.text("a", "")
        with self.assertRaisesRegex(ValueError, "twice"):
            writer.text("/a", "")

    def test_file_beyond_the_format_is_an_error(self):
        with tempfile.NamedTemporaryFile() as big:
            os.truncate(big.name, cpio.MAX_FILE_SIZE + 1)
            with self.assertRaisesRegex(ValueError, "do not fit"):
                cpio.Writer(io.BytesIO()).file("big", pathlib.Path(big.name))

    def test_folder_is_not_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises((ValueError, OSError)):
                cpio.Writer(io.BytesIO()).file("a", pathlib.Path(folder))


@unittest.skipUnless(shutil.which("cpio"), "the cpio tool is not installed")
class ToolTest(unittest.TestCase):
    def test_tool_unpacks_what_was_written(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "source")
            source.write_bytes(bytes(range(256)) * 17)
            source.chmod(0o751)

            def fill(w):
                w.file("deep/er/copy", source)
                w.text("deep/text", "hello\n")
                w.link("deep/link", "er/copy")

            target = pathlib.Path(folder, "target")
            target.mkdir()
            subprocess.run(["cpio", "-idm", "--quiet"], cwd=target, input=archive_of(fill),
                           check=True)

            self.assertEqual((target / "deep/er/copy").read_bytes(), source.read_bytes())
            self.assertEqual(stat.S_IMODE((target / "deep/er/copy").stat().st_mode), 0o751)
            self.assertEqual((target / "deep/text").read_text(), "hello\n")
            self.assertEqual(os.readlink(target / "deep/link"), "er/copy")


if __name__ == "__main__":
    unittest.main()
