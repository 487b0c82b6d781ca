# SPDX-License-Identifier: Apache-2.0
"""Writes cpio archives in the "newc" format (Linux Documentation/driver-api/early-userspace/
buffer-format.rst), the one initramfs takes."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
from typing import BinaryIO

ALIGNMENT = 4
MAX_FILE_SIZE = 0xFFFFFFFF  # the header has eight hexadecimal digits
TRAILER = "TRAILER!!!"


class Writer:
    """Appends entries to a stream. Owners are root and times are zero: equal input gives equal
    bytes. Parent folders are added as needed. Not thread-safe."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._offset = 0
        self._inode = 0
        self._names: set[str] = set()

    def folder(self, name: str, mode: int = 0o755) -> None:
        name = self._clean(name)
        if name and name not in self._names:
            self._entry(name, stat.S_IFDIR | mode, b"")

    def text(self, name: str, content: str, mode: int = 0o644) -> None:
        self._entry(self._clean(name), stat.S_IFREG | mode, content.encode())

    def data(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self._entry(self._clean(name), stat.S_IFREG | mode, content)

    def link(self, name: str, target: str) -> None:
        self._entry(self._clean(name), stat.S_IFLNK | 0o777, target.encode())

    def device(self, name: str, major: int, minor: int, mode: int = 0o600) -> None:
        """A character device."""
        self._entry(self._clean(name), stat.S_IFCHR | mode, b"", device=(major, minor))

    def file(self, name: str, source: pathlib.Path, mode: int | None = None) -> None:
        """A copy of a file of this machine, by default with its permission bits."""
        with source.open("rb") as content:
            status = os.fstat(content.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{source} is not a regular file")
            bits = stat.S_IMODE(status.st_mode) if mode is None else mode
            self._header(self._clean(name), stat.S_IFREG | bits, status.st_size)
            start = self._stream.tell()
            shutil.copyfileobj(content, self._stream, 1 << 20)
            if self._stream.tell() - start != status.st_size:
                raise ValueError(f"{source} changed while it was read")
            self._pad(status.st_size)

    def close(self) -> None:
        """Writes the trailer; the stream stays open."""
        self._header(TRAILER, 0, 0)

    @staticmethod
    def _clean(name: str) -> str:
        return name.strip("/")

    def _entry(self, name: str, mode: int, content: bytes,
               device: tuple[int, int] = (0, 0)) -> None:
        self._header(name, mode, len(content), device)
        self._stream.write(content)
        self._pad(len(content))

    def _header(self, name: str, mode: int, size: int, device: tuple[int, int] = (0, 0)) -> None:
        if size > MAX_FILE_SIZE:
            raise ValueError(f"{name}: {size} bytes do not fit into a cpio archive")
        if name in self._names:
            raise ValueError(f"{name} is in the archive twice")
        parent = name.rpartition("/")[0]
        if parent and parent not in self._names:
            self.folder(parent)
        self._names.add(name)
        encoded = name.encode() + b"\0"
        if name != TRAILER:
            self._inode += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (0 if name == TRAILER else self._inode, mode, 0, 0, links, 0, size,
                  0, 0, device[0], device[1], len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._stream.write(header + encoded)
        self._offset += len(header) + len(encoded)
        self._fill()

    def _pad(self, size: int) -> None:
        self._offset += size
        self._fill()

    def _fill(self) -> None:
        gap = -self._offset % ALIGNMENT
        self._stream.write(b"\0" * gap)
        self._offset += gap
