# SPDX-License-Identifier: Apache-2.0
"""The owner's side of SEV and SEV-ES launches from outside: `sealvm measure --verify` of launch
measurements that this program makes with hashlib and hmac, and the packets of secrets.

Usage: sev_owner_test.py BINARY [unittest arguments]
"""

import base64
import hashlib
import hmac
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid

import reported

BINARY = ""
DEADLINE = 30.0
PASSPHRASE = "736869e5-84f0-4973-92ec-06879ce3da0b"
TIK = bytes(range(0x20, 0x30))
TEK = bytes(range(0x40, 0x50))
NONCE = bytes(range(0x60, 0x70))


def ovmf_entry(guid, data):
    return data + struct.pack("<H", len(data) + 18) + uuid.UUID(guid).bytes_le


def firmware(secret_area=0xC00):
    """An image with the table of OVMF's that names areas for a secret and kernel hashes."""
    entries = ovmf_entry("4c2eb361-7d9b-4cc3-8081-127c90d3d294",
                         struct.pack("<II", 0x80D000, secret_area)) if secret_area else b""
    entries += ovmf_entry("7255371f-3a3b-4b04-927b-1da6efa8d454",
                          struct.pack("<II", 0x80DC00, 0x400))
    footer = struct.pack("<H", len(entries) + 18)
    footer += uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
    return b"\x90" * (8192 - 32 - len(entries) - 18) + entries + footer + b"\x90" * 32


def hash_table(kernel, initrd, cmdline):
    """What the VMM puts behind the firmware, for the measurement."""
    def entry(guid, data):
        return uuid.UUID(guid).bytes_le + struct.pack("<H", 50) + hashlib.sha256(data).digest()
    entries = entry("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", cmdline + b"\0")
    entries += entry("44baf731-3a2f-4bd7-9af1-41e29169781d", initrd)
    entries += entry("4de79437-abd2-427f-b835-d5b172d2045b", kernel)
    header = uuid.UUID("9438d606-4f22-4cc9-b479-a793d411fd21").bytes_le
    return (header + struct.pack("<H", 168) + entries).ljust(176, b"\0")


def facts(digest, policy, tik=TIK, api=(1, 55, 21)):
    """What the host writes, and in it the firmware's HMAC (AMD SEV API 0.24, section 6.5.1)."""
    covered = bytes((4, *api)) + struct.pack("<I", policy) + digest + NONCE
    measure = hmac.new(tik, covered, hashlib.sha256).digest()
    return {"api_major": api[0], "api_minor": api[1], "build": api[2], "policy": hex(policy),
            "digest": digest.hex(), "measurement": (measure + NONCE).hex()}


class SevOwnerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sealvm-owner-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.image = firmware()
        self.write("firmware", self.image)
        self.write("tik", TIK)
        self.write("tek", TEK)
        self.write("passphrase", b"open sesame")
        self.digest = hashlib.sha256(self.image).digest()
        self.tell(facts(self.digest, 1))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def tell(self, told):
        self.write("facts", json.dumps(told).encode())

    def verify(self, *options, mode="sev"):
        return subprocess.run(
            [BINARY, "measure", "--isolation", mode, "--firmware", self.path("firmware"),
             "--verify", self.path("facts"), "--tik", self.path("tik"), *options],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE, check=False)

    def secret_options(self, *secrets):
        options = ["--tek", self.path("tek"), "--write-secret", self.path("packet")]
        for secret in secrets or [PASSPHRASE + "=" + self.path("passphrase")]:
            options += ["--secret", secret]
        return options

    def assert_refused(self, result, *words):
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(result.stdout, b"")
        self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr.decode())
        self.assertFalse(os.path.exists(self.path("packet")))

    def assert_differs(self, result, field):
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("DIFFERS  " + field, result.stdout.decode())
        self.assertIn(self.path("facts") + ": " + field + ": ",
                      result.stderr.decode().splitlines()[-1])
        self.assertFalse(os.path.exists(self.path("packet")))


class Measurement(SevOwnerTest):
    def test_holds(self):
        result = self.verify("--policy", "1")
        self.assertEqual((result.returncode, result.stderr), (0, b""), result.stdout)
        lines = result.stdout.decode().splitlines()
        self.assertEqual([line.split(":")[0] for line in lines[:3]],
                         ["ok       launch digest", "ok       policy",
                          "ok       launch measurement"])
        self.assertTrue(all(line.startswith("note ") for line in lines[3:]), lines)

    def test_kernel_initrd_and_command_line_count(self):
        self.write("kernel", b"k" * 5000)
        self.write("initrd", b"i" * 300)
        options = ["--kernel", self.path("kernel"), "--initrd", self.path("initrd"),
                   "--cmdline", "console=ttyS0", "--allow-unenforced-hashes", "on"]
        self.assert_differs(self.verify(*options), "launch digest")
        table = hash_table(b"k" * 5000, b"i" * 300, b"console=ttyS0")
        self.tell(facts(hashlib.sha256(self.image + table).digest(), 1))
        self.assertEqual(self.verify(*options).returncode, 0)
        self.assert_differs(self.verify(), "launch digest")

    def test_vcpus_of_sev_es_count(self):
        options = ["--cpu-model", "EPYC-Milan", "--policy", "5"]
        digest = subprocess.run(
            [BINARY, "measure", "--isolation", "sev-es", "--firmware", self.path("firmware"),
             *options], capture_output=True, timeout=DEADLINE, check=True).stdout
        self.tell(facts(bytes.fromhex(digest.decode()), 5))
        self.assertEqual(self.verify(*options, mode="sev-es").returncode, 0)
        self.assert_differs(self.verify("--cpu-model", "EPYC-Genoa", mode="sev-es"),
                            "launch digest")

    def test_differences_are_named(self):
        self.assert_differs(self.verify("--policy", "3"), "policy")
        for policy in (0, 4, 5):
            self.tell(facts(self.digest, policy))
            self.assert_differs(self.verify(), "policy")
        self.tell(facts(self.digest, 0))
        self.assertEqual(self.verify("--policy", "0").returncode, 0)

        self.tell(facts(self.digest, 1, tik=TEK))
        self.assert_differs(self.verify(), "launch measurement")
        good = facts(self.digest, 1)
        for key in ("api_major", "api_minor", "build"):
            self.tell({**good, key: good[key] + 1})
            self.assert_differs(self.verify(), "launch measurement")
        for place in (0, 63, 64, 95):
            text = good["measurement"]
            changed = text[:place] + ("1" if text[place] == "0" else "0") + text[place + 1:]
            self.tell({**good, "measurement": changed})
            self.assert_differs(self.verify(), "launch measurement")
        # The host's word for a digest, over a measurement of another one.
        self.tell({**facts(hashlib.sha256(b"other").digest(), 1), "digest": self.digest.hex()})
        self.assert_differs(self.verify(), "launch measurement")

    def test_the_hmac_that_would_hold_is_not_told(self):
        good = facts(self.digest, 1)
        self.tell({**good, "measurement": "00" * 32 + NONCE.hex()})
        result = self.verify("--json")
        self.assertEqual((result.returncode, json.loads(result.stdout)["holds"]), (1, False))
        self.assertNotIn(good["measurement"][:64].encode(), result.stdout + result.stderr)

    def test_json(self):
        result = self.verify("--json")
        told = json.loads(result.stdout)
        self.assertEqual((result.returncode, told["holds"]), (0, True))
        self.assertEqual(told["digest"], self.digest.hex())
        self.assertEqual([check["field"] for check in told["checks"]],
                         ["launch digest", "policy", "launch measurement"])


class Secret(SevOwnerTest):
    def packet(self):
        with open(self.path("packet"), "rb") as file:
            return file.read()

    def table(self, packet):
        """What the firmware deciphers, once the packet's HMAC holds (section 6.6)."""
        header, data = packet[:52], packet[52:]
        measure = bytes.fromhex(facts(self.digest, 1)["measurement"])[:32]
        size = struct.pack("<II", len(data), len(data))
        covered = b"\x01" + header[:20] + size + data + measure
        self.assertEqual(header[20:], hmac.new(TIK, covered, hashlib.sha256).digest())
        self.assertEqual(header[:4], bytes(4))
        openssl = shutil.which("openssl")
        if openssl is None:
            self.skipTest("no openssl to decipher with")
        return subprocess.run(
            [openssl, "enc", "-d", "-aes-128-ctr", "-K", TEK.hex(), "-iv", header[4:20].hex()],
            input=data, stdout=subprocess.PIPE, timeout=DEADLINE, check=True).stdout

    def test_is_what_the_firmware_takes(self):
        self.write("token", b"\0\xff" * 20)
        other = "e6f5a162-d67f-4750-a67c-5d065f2a9910"
        result = self.verify("--policy", "1", *self.secret_options(
            PASSPHRASE + "=" + self.path("passphrase"), other + "=" + self.path("token")))
        self.assertEqual((result.returncode, result.stderr), (0, b""), result.stdout)
        entries = b"".join(uuid.UUID(guid).bytes_le + struct.pack("<I", 20 + len(secret)) + secret
                           for guid, secret in [(PASSPHRASE, b"open sesame"),
                                                (other, b"\0\xff" * 20)])
        table = uuid.UUID("1e74f542-71dd-4d66-963e-ef4287ff173b").bytes_le
        table += struct.pack("<I", 20 + len(entries)) + entries
        table += bytes(-len(table) % 16)
        self.assertEqual(self.table(self.packet()), table)

    def test_replaces_an_older_one_with_another_counter(self):
        self.assertEqual(self.verify(*self.secret_options()).returncode, 0)
        before = self.packet()
        self.assertEqual(self.verify(*self.secret_options()).returncode, 0)
        self.assertNotEqual(before[4:20], self.packet()[4:20])
        self.assertEqual(self.table(before), self.table(self.packet()))

    def test_is_not_made_for_a_launch_that_differs(self):
        self.assert_differs(self.verify("--policy", "3", *self.secret_options()), "policy")
        self.tell(facts(self.digest, 1, tik=TEK))
        result = self.verify(*self.secret_options())
        self.assert_differs(result, "launch measurement")
        self.assertIn(b"packet was not written", result.stdout)

    def test_firmware_without_room(self):
        self.write("passphrase", b"x" * 4000)
        self.assert_refused(self.verify(*self.secret_options()), "room for 3072")
        self.image = firmware(secret_area=0)
        self.write("firmware", self.image)
        self.tell(facts(hashlib.sha256(self.image).digest(), 1))
        self.assert_refused(self.verify(*self.secret_options()), "no place for a secret")


class HostileFiles(SevOwnerTest):
    INPUTS = [("facts", "--verify"), ("tik", "--tik"), ("tek", "--tek"),
              ("passphrase", "--secret")]

    def test_what_is_no_file(self):
        for name, option in self.INPUTS:
            os.remove(self.path(name))
            self.assert_refused(self.verify(*self.secret_options()), option, "cannot open")
            os.mkdir(self.path(name))
            self.assert_refused(self.verify(*self.secret_options()), option, "is a directory")
            os.rmdir(self.path(name))
            os.mkfifo(self.path(name))
            self.assert_refused(self.verify(*self.secret_options()), option, "regular file")
            os.remove(self.path(name))
            self.setUp()

    def test_empty_and_huge(self):
        for name, option in self.INPUTS:
            self.write(name, b"")
            self.assert_refused(self.verify(*self.secret_options()), option, "is empty")
            with open(self.path(name), "wb") as file:
                file.truncate(1 << 40)
            self.assert_refused(self.verify(*self.secret_options()), option, "1099511627776")
            self.setUp()

    def test_keys(self):
        for name in ("tik", "tek"):
            for data in (b"k" * 15, b"k" * 17, b"k" * 32, b"\0" * 24, b"!" * 24):
                self.write(name, data)
                self.assert_refused(self.verify(*self.secret_options()), "--" + name,
                                    "neither 16 nor base64")
            self.write(name, base64.b64encode({"tik": TIK, "tek": TEK}[name]) + b"\n")
            self.assertEqual(self.verify(*self.secret_options()).returncode, 0)
            os.remove(self.path("packet"))

    def test_facts(self):
        good = json.dumps(facts(self.digest, 1))
        for text in ("[]", "{}", "null", good[:-1], good + good, good.replace("build", "bild"),
                     good.replace('"0x1"', '"0x1ffffffff"'), good.replace("21", "-21"),
                     good.replace("21", "256"), good.replace("21", '{"a":1}'),
                     "\0" * 100, "{" * 4000, '{"' + "a" * 4000, good.replace("0x1", "\\u0030")):
            self.write("facts", text.encode())
            self.assert_refused(self.verify(*self.secret_options()), "--verify")

    def test_inputs_are_not_overwritten(self):
        for name, _ in self.INPUTS:
            options = self.secret_options()
            options[options.index("--write-secret") + 1] = self.path(name)
            self.assert_refused(self.verify(*options), "--write-secret", "another name")

    def test_options(self):
        self.assert_refused(self.verify("--write-secret", "x"), "together")
        self.assert_refused(self.verify("--cert", "x"), "--cert")
        self.assert_refused(self.verify(*self.secret_options("x=y")), "--secret", "GUID")
        self.assert_refused(self.verify("--cpu-model", "EPYC", mode="snp"), "--tik")


class Notes(SevOwnerTest):
    OPTIONS = ["--cpus", "1", "--cpu-model", "EPYC-Milan", "--guest-features", "0x21",
               "--vmm-type", "qemu", "--mrtd-order", "one-pass"]

    def measure(self, mode, *options):
        return subprocess.run(
            [BINARY, "measure", "--isolation", mode, "--firmware", self.path("firmware"),
             *options], capture_output=True, timeout=DEADLINE, check=False)

    def test_one_set_of_options_does_for_all_modes(self):
        for mode, without in [
                ("sev", ["cpus", "cpu-model", "guest-features", "vmm-type", "mrtd-order"]),
                ("sev-es", ["guest-features", "mrtd-order"])]:
            result = self.measure(mode, *self.OPTIONS)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(
                result.stderr.decode().splitlines(),
                ["sealvm: note: --%s has no effect in mode %s" % (name, mode) for name in without])
            needed = ["--cpu-model", "EPYC-Milan"] if mode == "sev-es" else []
            plain = self.measure(mode, *needed)
            self.assertEqual((plain.returncode, plain.stderr), (0, b""))
            self.assertEqual(result.stdout, plain.stdout)


if __name__ == "__main__":
    BINARY = reported.binary()
    sys.exit(reported.run())
