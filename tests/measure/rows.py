# SPDX-License-Identifier: Apache-2.0
"""The configurations whose digests are compared, and the files that they are of."""

from __future__ import annotations

import dataclasses
import os
import pathlib

# By edk2 release and file, as tools/setup firmware puts them into its cache.
AMDSEV = "2026.08/OVMF.amdsev.fd"
GENERIC = "2026.08/OVMF.fd"
LEGACY = "2026.08/OVMF.legacy.fd"
INTELTDX = "2026.08/OVMF.inteltdx.ms.fd"
CODE = "2026.08/OVMF_CODE_4M.fd"
TRIXIE = "2025.02/OVMF.fd"
BOOKWORM = "2022.11/OVMF.fd"
IMAGES = (AMDSEV, GENERIC, LEGACY, INTELTDX, CODE, TRIXIE, BOOKWORM)
# The code part of a split image has no variable store, which TDX metadata count in.
TDX_IMAGES = tuple(image for image in IMAGES if image != CODE)

# Their content: zeroes, and not whole pages.
KERNEL_BYTES = 1_048_577
INITRD_BYTES = 4_097
CMDLINE = "console=ttyS0 root=/dev/vda1 loglevel=7"

CPU_MODELS = (
    "EPYC", "EPYC-v1", "EPYC-v2", "EPYC-IBPB", "EPYC-v3", "EPYC-v4", "EPYC-Rome", "EPYC-Rome-v1",
    "EPYC-Rome-v2", "EPYC-Rome-v3", "EPYC-Milan", "EPYC-Milan-v1", "EPYC-Milan-v2", "EPYC-Genoa",
    "EPYC-Genoa-v1", "EPYC-Turin")
GUEST_FEATURES = (0x1, 0x21, 0x201, 0x221)


@dataclasses.dataclass(frozen=True)
class Row:
    mode: str
    image: str
    cpus: int = 1
    model: str = "EPYC-Milan"
    features: int = 1
    vmm: str = "qemu"
    kernel: bool = False
    initrd: bool = False
    cmdline: bool = False

    def options(self, files: pathlib.Path) -> list[str]:
        """What sealvm measure gets behind --isolation and --firmware."""
        words = ["--cpus", str(self.cpus), "--cpu-model", self.model,
                 "--guest-features", f"{self.features:#x}", "--vmm-type", self.vmm]
        if self.kernel:
            words += ["--kernel", str(files / "kernel")]
            # Other images do not enforce the hashes.
            words += [] if self.image == AMDSEV else ["--allow-unenforced-hashes", "on"]
        words += ["--initrd", str(files / "initrd")] if self.initrd else []
        words += ["--cmdline", CMDLINE] if self.cmdline else []
        return words

    def key(self) -> str:
        """Names the row in expected.tsv."""
        given = [name for name in ("kernel", "initrd", "cmdline") if getattr(self, name)]
        return "\t".join((self.mode, self.image, str(self.cpus), self.model, f"{self.features:#x}",
                          self.vmm, "+".join(given) or "-"))


def sev_rows() -> list[Row]:
    """SNP, SEV-ES and SEV."""
    rows = []
    for image in IMAGES:
        rows += [Row("snp", image, cpus) for cpus in (1, 2, 3, 4, 8, 16, 31, 64)]
        rows += [Row("sev-es", image, cpus) for cpus in (1, 2, 5, 64)]
        rows += [Row("sev", image)]
    for model in CPU_MODELS:
        rows += [Row(mode, AMDSEV, 2, model) for mode in ("snp", "sev-es")]
    for features in GUEST_FEATURES:
        rows += [Row("snp", image, 4, "EPYC-Genoa", features) for image in (AMDSEV, TRIXIE)]
    for vmm in ("ec2", "gce"):
        for image in (AMDSEV, TRIXIE, BOOKWORM):
            rows += [Row(mode, image, cpus, "EPYC-v4", 1, vmm)
                     for cpus in (1, 4) for mode in ("snp", "sev-es")]
        rows.append(Row("snp", AMDSEV, 2, "EPYC", 1, vmm, True, True, True))
    for image in (AMDSEV, GENERIC):
        for mode in ("snp", "sev-es", "sev"):
            for initrd, cmdline in ((False, False), (True, False), (False, True), (True, True)):
                rows += [Row(mode, image, cpus, "EPYC-Turin", 1, "qemu", True, initrd, cmdline)
                         for cpus in (1, 6)]
    return list(dict.fromkeys(rows))


def images_folder() -> pathlib.Path:
    """The same rule as in tools/setup."""
    chosen = os.environ.get("SEALVM_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(chosen or pathlib.Path(base, "sealvm")) / "firmware"


def write_files(folder: pathlib.Path) -> None:
    (folder / "kernel").write_bytes(bytes(KERNEL_BYTES))
    (folder / "initrd").write_bytes(bytes(INITRD_BYTES))
