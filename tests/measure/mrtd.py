# SPDX-License-Identifier: Apache-2.0
"""A TD's MRTD, by the specifications and apart from sealvm's own calculation.

TDX Module 1.5 Base Architecture, measurement of the TD's build: TDH.MEM.PAGE.ADD hashes 128 bytes
of "MEM.PAGE.ADD" and the GPA, TDH.MR.EXTEND 128 bytes of "MR.EXTEND" and the GPA, then 256 bytes of
the page. TDX Virtual Firmware Design Guide, TDVF descriptor: the metadata and its sections.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterator

TABLE_FOOTER = uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
TDX_METADATA = uuid.UUID("e47a6535-984a-4798-865e-4685a7bf8ec2")
MR_EXTEND, PAGE_AUG = 1, 2
PAGE, CHUNK = 4096, 256


def table(image: bytes) -> Iterator[tuple[uuid.UUID, bytes]]:
    """Entries of OVMF's table, last first; it ends 32 bytes before the image does."""
    def guid(end: int) -> uuid.UUID:
        return uuid.UUID(bytes_le=image[end - 16:end])
    end = len(image) - 32
    assert guid(end) == TABLE_FOOTER
    (total,) = struct.unpack_from("<H", image, end - 18)
    start, at = end - total, end - 18
    while at > start:
        (length,) = struct.unpack_from("<H", image, at - 18)
        assert length >= 18
        yield guid(at), image[at - length:at - 18]
        at -= length


def sections(image: bytes) -> list[tuple[int, ...]]:
    """File offset, file size, GPA, size in memory, type, attributes."""
    (offset,) = struct.unpack("<I", dict(table(image))[TDX_METADATA])
    start = len(image) - offset
    assert image[start:start + 4] == b"TDVF"
    (count,) = struct.unpack_from("<I", image, start + 12)
    return [struct.unpack_from("<IIQQII", image, start + 16 + 32 * i) for i in range(count)]


def mrtd(image: bytes, two_pass: bool) -> str:
    """Each page extended after it was added, or a section's pages after all of them were added."""
    state = hashlib.sha384()

    def operation(name: bytes, gpa: int) -> None:
        state.update(name.ljust(16, b"\0") + struct.pack("<Q", gpa) + bytes(104))

    for file_offset, file_size, gpa, size, _, attributes in sections(image):
        content = image[file_offset:file_offset + file_size].ljust(size, b"\0")

        def add(page: int, gpa: int = gpa, attributes: int = attributes) -> None:
            if not attributes & PAGE_AUG:
                operation(b"MEM.PAGE.ADD", gpa + page)

        def extend(page: int, gpa: int = gpa, attributes: int = attributes,
                   content: bytes = content) -> None:
            for at in range(page, page + PAGE if attributes & MR_EXTEND else page, CHUNK):
                operation(b"MR.EXTEND", gpa + at)
                state.update(content[at:at + CHUNK])

        pages = range(0, size, PAGE)
        for page in pages:
            add(page)
            if not two_pass:
                extend(page)
        if two_pass:
            for page in pages:
                extend(page)
    return state.hexdigest()
