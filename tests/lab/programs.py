# SPDX-License-Identifier: Apache-2.0
"""Puts programs of this machine into archives together with the libraries they need."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterable

from lab import cpio, kernels
from lab.errors import LabError

# Debian keeps some where an ordinary user's PATH does not lead.
FOLDERS = "/usr/bin:/usr/sbin:/bin:/sbin"
LOADER = "ld-linux-x86-64.so.2"


def find(name: str) -> pathlib.Path:
    path = shutil.which(name, path=FOLDERS)
    if path is None:
        raise LabError(f"{name} is missing: run tools/setup lab")
    return pathlib.Path(path)


def libraries(program: pathlib.Path) -> list[pathlib.Path]:
    """The loader and the libraries, where the loader will look for them."""
    listing = subprocess.run(["ldd", str(program)], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, check=False)
    if "not found" in listing.stdout or listing.returncode != 0:
        raise LabError(f"{program} lacks libraries: {listing.stdout or listing.stderr}")
    return [pathlib.Path(path) for path in re.findall(r"(?:^\t|=> )(/\S+) \(", listing.stdout,
                                                      re.MULTILINE)]


def add(archive: cpio.Writer, names: Iterable[str], top: str = "") -> None:
    """Programs into usr/bin of the folder `top`, libraries where they are on this machine."""
    needed: dict[pathlib.Path, None] = {}
    for name in names:
        program = find(name)
        archive.file(f"{top}/usr/bin/{name}", program, 0o755)
        needed |= dict.fromkeys(libraries(program))
    for library in needed:
        archive.file(f"{top}{library}", library, 0o755)


def add_virtiofsd(archive: cpio.Writer) -> None:
    """virtiofsd, which may be of a newer release than this machine and has its own libraries."""
    folder = kernels.cache_folder() / "virtiofsd" / "current"
    if not (folder / "virtiofsd").is_file():
        raise LabError("there is no virtiofsd in the cache: run tools/setup programs")
    archive.file("lab/virtiofsd/virtiofsd", folder / "virtiofsd", 0o755)
    for library in sorted((folder / "lib").iterdir()):
        archive.file(f"lab/virtiofsd/lib/{library.name}", library, 0o755)
    archive.text("usr/bin/virtiofsd", f"#!/bin/sh\nexec /lab/virtiofsd/lib/{LOADER} --library-path "
                                      '/lab/virtiofsd/lib /lab/virtiofsd/virtiofsd "$@"\n', 0o755)
