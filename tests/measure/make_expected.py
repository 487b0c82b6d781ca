# SPDX-License-Identifier: Apache-2.0
"""Computes expected.tsv with other projects' programs, of which nothing is in this tree.

    make_expected.py SEV_SNP_MEASURE TD_SHIM >expected.tsv

The arguments are folders with the sources of virtee/sev-snp-measure (0.0.13 was taken) and of
confidential-containers/td-shim (125eeab). The images come from the cache of tools/setup.
"""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import rows


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    from sevsnpmeasure import guest, vcpu_types, vmm_types  # pylint: disable=import-error
    from sevsnpmeasure.sev_mode import SevMode  # pylint: disable=import-error
    modes = {"snp": SevMode.SEV_SNP, "sev-es": SevMode.SEV_ES, "sev": SevMode.SEV}
    vmms = {"qemu": vmm_types.VMMType.QEMU, "ec2": vmm_types.VMMType.ec2,
            "gce": vmm_types.VMMType.gce}

    seeds: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = pathlib.Path(folder)
        rows.write_files(files)
        for image in rows.IMAGES:
            path = rows.images_folder() / image
            print("image", image, hashlib.sha256(path.read_bytes()).hexdigest(), sep="\t")
            # Its SNP digest of the firmware's pages alone spares time: rows without it are the
            # same calculation begun earlier.
            seeds[image] = guest.calc_snp_ovmf_hash(str(path)).hex()
            print("seed", image, seeds[image], sep="\t")
        for row in rows.sev_rows():
            digest = guest.calc_launch_digest(
                modes[row.mode], row.cpus, vcpu_types.CPU_SIGS[row.model],
                str(rows.images_folder() / row.image),
                str(files / "kernel") if row.kernel else None,
                str(files / "initrd") if row.initrd else None,
                rows.CMDLINE if row.cmdline else "", row.features,
                seeds[row.image] if row.mode == "snp" else "", vmms[row.vmm])
            print(row.key(), digest.hex(), sep="\t")
    tool = pathlib.Path(sys.argv[2], "td-shim-tools/src/bin/td-shim-tee-info-hash",
                        "td_shim_tee_info_hash.py")
    for image in rows.TDX_IMAGES:
        done = subprocess.run([sys.executable, str(tool), "-l", "off", "-i",
                               str(rows.images_folder() / image)],
                              check=True, stdout=subprocess.PIPE, text=True)
        print("tdx", image, done.stdout.strip(), sep="\t")


if __name__ == "__main__":
    main()
