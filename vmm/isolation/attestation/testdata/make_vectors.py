# SPDX-License-Identifier: Apache-2.0
"""Makes the reports, quotes, certificates and logs that the tests of this package read.

They are written here a second time, from the specifications and with another library (Debian's
python3-cryptography), so that a layout that the C++ code has wrong is seen. Nothing of them comes
from real machines. The files are committed; run this in its folder to make them anew, which changes
all of them, for signatures are random.
"""

import datetime
import hashlib
import pathlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

BEGIN = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2120, 1, 1)


def write(name, data):
    pathlib.Path(name).write_bytes(data)


def pem_of(*certificates):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def certificate(subject, key, issuer, issuer_key, is_ca, extensions=()):
    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(BEGIN).not_valid_after(END)
               .add_extension(x509.BasicConstraints(is_ca, None), critical=True))
    for oid, value in extensions:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    if isinstance(issuer_key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
        return builder.sign(issuer_key, hashes.SHA384(), rsa_padding=pss)
    return builder.sign(issuer_key, hashes.SHA256())


def sign(key, data, algorithm):
    return decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))


# --- SNP: numbers little-endian, halves of 72 bytes.
def snp_signature(key, data):
    r, s = sign(key, data, hashes.SHA384())
    return r.to_bytes(72, "little") + s.to_bytes(72, "little") + bytes(368)


def snp_public_key(key):
    point = key.public_key().public_numbers()
    return (struct.pack("<I", 2) + point.x.to_bytes(72, "little") + point.y.to_bytes(72, "little")
            + bytes(880))


def fill(start, size):
    return bytes((start + i) & 0xff for i in range(size))


def snp_report(version, tcb, cpuid, key, chip_id):
    body = struct.pack("<IIQ", version, 7, 0xb0000 | 0x0133)       # SMT, bit 17, DEBUG
    body += fill(0x10, 16) + fill(0x20, 16)                        # family, image
    body += struct.pack("<II", 1, 1)                               # VMPL, algorithm
    body += struct.pack("<QQ", tcb, 0x21)                          # current TCB, platform
    body += struct.pack("<II", 0x1, 0)                             # author key, VCEK
    body += fill(0x50, 64) + fill(0x90, 48) + fill(0xc0, 32)       # report data, LD, host data
    body += fill(0xe0, 48) + fill(0x11, 48)                        # key digests
    body += fill(0x14, 32) + bytes([0xff]) * 32                    # report IDs
    body += struct.pack("<Q", tcb)
    body += (bytes(cpuid) if cpuid else bytes(3)) + bytes(21)
    body += chip_id
    body += struct.pack("<Q", tcb)
    body += bytes([8, 58, 1, 0]) + bytes([4, 55, 1, 0])            # build, minor, major
    body += struct.pack("<Q", tcb)
    if version >= 5:
        body += struct.pack("<QQ", 0x3, 0x7)
    body += bytes(0x2a0 - len(body))
    return body + snp_signature(key, body)


def integer(value):
    raw = value.to_bytes(2, "big").lstrip(b"\0") or b"\0"
    if raw[0] >= 0x80:
        raw = b"\0" + raw
    return bytes([2, len(raw)]) + raw


def vek_extensions(chip_id, **parts):
    oids = {"boot": 1, "tee": 2, "snp": 3, "microcode": 8, "fmc": 9}
    base = "1.3.6.1.4.1.3704.1"
    out = [(f"{base}.3.{oids[name]}", integer(value)) for name, value in parts.items()]
    return out + [(f"{base}.4", chip_id)]


def make_snp():
    ark_key = rsa.generate_private_key(65537, 4096)
    ask_key = rsa.generate_private_key(65537, 4096)
    ark = certificate("ARK-Test", ark_key, "ARK-Test", ark_key, True)
    ask = certificate("SEV-Test", ask_key, "ARK-Test", ark_key, True)

    chip = fill(1, 64)
    key = ec.generate_private_key(ec.SECP384R1())
    vcek = certificate("SEV-VCEK", key, "SEV-Test", ask_key, False,
                       vek_extensions(chip, boot=3, tee=0, snp=20, microcode=209))
    tcb = 3 | 20 << 48 | 209 << 56
    write("snp_v2.bin", snp_report(2, tcb, None, key, chip))
    write("snp_v3.bin", snp_report(3, tcb, (0x19, 0x11, 1), key, chip))
    write("snp_chain.pem", pem_of(vcek, ask, ark))
    write("snp_vcek.der", vcek.public_bytes(serialization.Encoding.DER))

    chip = fill(0x40, 8)
    key = ec.generate_private_key(ec.SECP384R1())
    vcek = certificate("SEV-VCEK", key, "SEV-Test", ask_key, False,
                       vek_extensions(chip, fmc=1, boot=2, tee=3, snp=4, microcode=79))
    tcb = 1 | 2 << 8 | 3 << 16 | 4 << 24 | 79 << 56
    write("snp_v5.bin", snp_report(5, tcb, (0x1a, 0x02, 1), key, chip + bytes(56)))
    write("snp_v5_vcek.pem", pem_of(vcek))


def make_id_block():
    id_key = ec.generate_private_key(ec.SECP384R1())
    author_key = ec.generate_private_key(ec.SECP384R1())
    block = fill(0x90, 48) + fill(0x10, 16) + fill(0x20, 16) + struct.pack("<IIQ", 1, 7, 0x30000)
    public = snp_public_key(id_key)
    auth = struct.pack("<II", 1, 1).ljust(0x40, b"\0")
    auth += snp_signature(id_key, block) + public
    auth = auth.ljust(0x680, b"\0")
    auth += snp_signature(author_key, public) + snp_public_key(author_key)
    write("id_block.bin", block)
    write("id_auth.bin", auth.ljust(4096, b"\0"))
    write("id_key.pem", key_pem(id_key))
    write("author_key.pem", key_pem(author_key))
    write("p256_key.pem", key_pem(ec.generate_private_key(ec.SECP256R1())))
    write("id_key_digests.bin", hashlib.sha384(public).digest()
          + hashlib.sha384(snp_public_key(author_key)).digest())


# --- TDX.
def sha384(data):
    return hashlib.sha384(data).digest()


def event(index, kind, data, measured=None):
    digest = sha384(data if measured is None else measured)
    return (struct.pack("<IIIH", index, kind, 1, 0xc) + digest + struct.pack("<I", len(data))
            + data), index, kind, digest


def make_log():
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 105, 2, 1)
    spec += struct.pack("<HHB", 0xc, 48, 0)
    log = struct.pack("<II", 1, 3) + bytes(20) + struct.pack("<I", len(spec)) + spec
    rtmr = [bytes(48)] * 4
    for raw, index, kind, digest in [
            event(1, 0x8000000b, b"TD HOB", b"a hob"),
            event(1, 0x80000001, b"SecureBoot"),
            event(1, 4, bytes(4)),
            event(0, 0x8, b"no extension of an RTMR"),
            event(2, 0x80000003, b"kernel image", b"authenticode"),
            event(2, 0x80000007, b"Exit Boot Services Returned with Success"),
            event(1, 3, b"StartupLocality\0\0"),
            event(3, 6, "LOADED_IMAGE::LoadOptions".encode("utf-16le"), b"command line"),
            event(4, 6, b"by the OS")]:
        log += raw
        if kind != 3 and index > 0:
            rtmr[index - 1] = sha384(rtmr[index - 1] + digest)
    write("ccel.bin", log + bytes([0xff]) * 256)
    write("ccel_rtmr.bin", b"".join(rtmr))
    return rtmr


def td_body(rtmr, is_15):
    body = fill(5, 16) + fill(0x31, 48) + bytes(48) + struct.pack("<QQQ", 0, 1 << 28, 0x600e7)
    body += fill(0x41, 48) + fill(0x51, 48) + fill(0x61, 48) + fill(0x71, 48)
    body += b"".join(rtmr) + fill(0x81, 64)
    return body + (fill(6, 16) + fill(0xa1, 48) if is_15 else b"")


def p256_signature(key, data):
    r, s = sign(key, data, hashes.SHA256())
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def quote(version, rtmr, pck_key, chain):
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    raw_key = point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    auth = fill(0, 32)
    header = struct.pack("<HHIHH", version, 2, 0x81, 0, 0)
    header += bytes.fromhex("939a7233f79c4ca9940a0db3957f0607") + fill(0xb0, 20)
    body = td_body(rtmr, version == 5)
    if version == 5:
        body = struct.pack("<HI", 3, len(body)) + body
    qe = fill(1, 16) + bytes(48) + fill(0x2, 32) + bytes(32) + fill(0x3, 32) + bytes(96)
    qe += struct.pack("<HH", 2, 6) + bytes(60)
    qe += hashlib.sha256(raw_key + auth).digest() + bytes(32)
    assert len(qe) == 384
    inner = qe + p256_signature(pck_key, qe) + struct.pack("<H", len(auth)) + auth
    inner += struct.pack("<HI", 5, len(chain)) + chain
    signature = p256_signature(key, header + body) + raw_key
    signature += struct.pack("<HI", 6, len(inner)) + inner
    return header + body + struct.pack("<I", len(signature)) + signature


def td_report(rtmr):
    tcb = fill(0, 8) + fill(5, 16) + fill(0x31, 48) + bytes(48) + bytes(8) + fill(6, 16)
    tcb = tcb.ljust(239, b"\0")
    info = struct.pack("<QQ", 1 << 28, 0x600e7)
    info += fill(0x41, 48) + fill(0x51, 48) + fill(0x61, 48) + fill(0x71, 48)
    info += b"".join(rtmr) + fill(0xa1, 48)
    info = info.ljust(512, b"\0")
    mac = bytes([0x81, 0, 1, 0]) + bytes(12) + fill(9, 16) + sha384(tcb) + sha384(info)
    mac += fill(0x81, 64) + bytes(32) + fill(0xee, 32)
    return (mac + tcb).ljust(512, b"\0") + info


def make_tdx():
    rtmr = make_log()
    root_key, ca_key, pck_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = certificate("Test SGX Root CA", root_key, "Test SGX Root CA", root_key, True)
    platform = certificate("Test PCK Platform CA", ca_key, "Test SGX Root CA", root_key, True)
    pck = certificate("Test PCK", pck_key, "Test PCK Platform CA", ca_key, False)
    chain = pem_of(pck, platform, root) + b"\0"
    write("tdx_root.pem", pem_of(root))
    write("quote_v4.bin", quote(4, rtmr, pck_key, chain) + bytes(64))
    write("quote_v5.bin", quote(5, rtmr, pck_key, chain))
    write("tdreport.bin", td_report(rtmr))


make_snp()
make_id_block()
make_tdx()
