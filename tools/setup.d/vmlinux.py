# SPDX-License-Identifier: Apache-2.0
"""Extracts the ELF kernel from a bzImage (Linux Documentation/arch/x86/boot.rst)."""

from __future__ import annotations

import lzma
import pathlib
import struct
import subprocess
import zlib
from collections.abc import Callable

# Offsets of the setup header's fields in the file.
SETUP_SECTS = 0x1F1
HEADER_MAGIC = 0x202
PROTOCOL_VERSION = 0x206
PAYLOAD_OFFSET = 0x248
HEADER_END = 0x250
SECTOR = 512
DEFAULT_SETUP_SECTS = 4
FIRST_PROTOCOL_WITH_PAYLOAD = 0x208

# The kernel's build appends the uncompressed size (32 bits) to formats that do not carry one.
SIZE_TRAILER = 4


class ExtractError(Exception):
    """The file is not a kernel this module can unpack."""


def _tool(*command: str) -> Callable[[bytes], bytes]:
    def decompress(payload: bytes) -> bytes:
        done = subprocess.run(command, input=payload[:-SIZE_TRAILER], capture_output=True,
                              check=False)
        if done.returncode != 0:
            raise ExtractError(f"{command[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
    return decompress


DECOMPRESSORS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", lambda p: zlib.decompressobj(wbits=31).decompress(p)),
    (b"\xfd7zXZ\x00", lambda p: lzma.LZMADecompressor().decompress(p)),
    (b"\x28\xb5\x2f\xfd", _tool("zstd", "-dcq")),
    (b"\x02\x21\x4c\x18", _tool("lz4", "-dcq")),
)


def payload(image: bytes) -> bytes:
    """The compressed kernel inside a bzImage."""
    if len(image) < HEADER_END or image[HEADER_MAGIC:HEADER_MAGIC + 4] != b"HdrS":
        raise ExtractError("not a bzImage: no HdrS at 0x202")
    (version,) = struct.unpack_from("<H", image, PROTOCOL_VERSION)
    if version < FIRST_PROTOCOL_WITH_PAYLOAD:
        raise ExtractError(f"boot protocol {version:#x} does not say where the payload is")
    sectors = image[SETUP_SECTS] or DEFAULT_SETUP_SECTS
    offset, length = struct.unpack_from("<II", image, PAYLOAD_OFFSET)
    start = (sectors + 1) * SECTOR + offset
    if length <= SIZE_TRAILER or start + length > len(image):
        raise ExtractError("the payload lies outside of the file")
    return image[start:start + length]


def decompress(data: bytes) -> bytes:
    """The ELF file in a payload, checked against the size its build wrote behind it."""
    for magic, method in DECOMPRESSORS:
        if data.startswith(magic):
            break
    else:
        raise ExtractError(f"unknown payload format {data[:4].hex()}")
    try:
        kernel = method(data)
    except (OSError, zlib.error, lzma.LZMAError) as error:
        raise ExtractError(f"corrupt payload: {error}") from error
    (size,) = struct.unpack_from("<I", data, len(data) - SIZE_TRAILER)
    if len(kernel) != size:
        raise ExtractError(f"the payload unpacks to {len(kernel)} bytes instead of {size}")
    if not kernel.startswith(b"\x7fELF"):
        raise ExtractError("the payload is no ELF file")
    return kernel


def extract(bzimage: pathlib.Path, target: pathlib.Path) -> None:
    target.write_bytes(decompress(payload(bzimage.read_bytes())))
