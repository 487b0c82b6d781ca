# SPDX-License-Identifier: Apache-2.0
"""Tests of apt_sources."""

import contextlib
import io
import pathlib
import tempfile
import unittest

import apt_sources

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEB822 = f"""\
Types: deb deb-src
# the archive
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


class OneLineTest(unittest.TestCase):
    def parse(self, text):
        return list(apt_sources.parse_one_line(text))

    def test_plain_line(self):
        (source,) = self.parse("deb http://m.example/debian bookworm main contrib\n")
        self.assertEqual((source.uri, source.suite, source.components, source.options),
                         ("http://m.example/debian", "bookworm", ("main", "contrib"), ()))

    def test_options_become_deb822_fields(self):
        (source,) = self.parse(
            f"deb [arch=amd64,i386 signed-by={KEYRING} check-valid-until=no] "
            "https://m.example/debian/ bookworm main")
        self.assertEqual(dict(source.options), {"Architectures": "amd64 i386",
                                                "Signed-By": KEYRING, "Check-Valid-Until": "no"})

    def test_comments_sources_and_nonsense_are_left_out(self):
        self.assertEqual(self.parse("# deb http://a b main\ndeb-src http://a b main\n\ndeb\n"
                                    "rpm http://a b main\n"), [])

    def test_trailing_comment(self):
        (source,) = self.parse("deb http://a bookworm main # contrib\n")
        self.assertEqual(source.components, ("main",))


class Deb822Test(unittest.TestCase):
    def test_each_suite_of_each_stanza(self):
        sources = list(apt_sources.parse_deb822(DEB822))
        self.assertEqual([s.suite for s in sources],
                         ["bookworm", "bookworm-updates", "bookworm-security"])
        self.assertEqual(sources[0].options, (("Signed-By", KEYRING),))

    def test_disabled_and_source_only_stanzas_are_left_out(self):
        for change in ("Enabled: no\nTypes: deb", "Types: deb-src"):
            self.assertEqual(list(apt_sources.parse_deb822(
                f"{change}\nURIs: http://a\nSuites: b\nComponents: main\n")), [])

    def test_inline_key_keeps_its_lines(self):
        text = ("Types: deb\nURIs: http://a\nSuites: bookworm\nComponents: main\n"
                "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQIN\n")
        (source,) = apt_sources.parse_deb822(text)
        self.assertIn("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQIN\n",
                      source.stanza())

    def test_stanza_reads_back_as_the_same_source(self):
        for source in apt_sources.parse_deb822(DEB822):
            self.assertEqual(list(apt_sources.parse_deb822(source.stanza())), [source])

    def test_fields_that_describe_are_not_carried_over(self):
        (source,) = apt_sources.parse_deb822(
            "Types: deb\nURIs: http://a\nSuites: b\nComponents: main\nX-Repolib-Name: n\n"
            "Description: d\nTrusted: yes\n")
        self.assertEqual(source.options, (("Trusted", "yes"),))


class ChoiceTest(unittest.TestCase):
    def machine(self, **files: str) -> pathlib.Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        parts = pathlib.Path(folder.name, "sources.list.d")
        parts.mkdir()
        for name, text in files.items():
            (parts / name.replace("_", ".")).write_text(text)
        return pathlib.Path(folder.name)

    def candidates(self, etc: pathlib.Path) -> list[str]:
        return [s.uri for s in apt_sources.candidates(apt_sources.machine_sources(etc),
                                                      "bookworm")]

    def test_security_and_updates_are_no_candidates(self):
        self.assertEqual(self.candidates(self.machine(debian_sources=DEB822)),
                         ["http://mirror.example/debian"])

    def test_other_vendors_come_after_debian(self):
        etc = self.machine(
            a_list="deb [signed-by=/etc/apt/vendor.gpg] https://vendor.example/apt bookworm main\n",
            z_sources=DEB822)
        self.assertEqual(self.candidates(etc),
                         ["http://mirror.example/debian", "https://vendor.example/apt"])

    def test_suite_that_follows_a_role(self):
        etc = self.machine(a_list="deb http://m.example/debian oldstable main\n")
        self.assertEqual(self.candidates(etc), ["http://m.example/debian"])

    def test_own_file_and_unknown_suffixes_are_not_read(self):
        etc = self.machine(sealvm_sources=DEB822, debian_sources_disabled=DEB822)
        self.assertEqual(apt_sources.machine_sources(etc), [])

    def test_classic_file(self):
        etc = self.machine()
        (etc / "sources.list").write_text("deb http://m.example/debian bookworm main\n")
        self.assertEqual(self.candidates(etc), ["http://m.example/debian"])

    def test_no_main_component_is_no_candidate(self):
        etc = self.machine(a_list="deb http://docker.example/debian bookworm stable\n")
        self.assertEqual(self.candidates(etc), [])

    def test_program(self):
        etc = self.machine(debian_sources=DEB822)
        self.assertEqual(apt_sources.main(["has", "bookworm-updates"], etc), 0)
        self.assertEqual(apt_sources.main(["has", "trixie"], etc), 1)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(apt_sources.main(["candidates", "bookworm", "trixie"], etc), 0)
        self.assertIn("Types: deb\n", out.getvalue())
        self.assertIn("Suites: trixie\nComponents: main contrib\n", out.getvalue())

    def test_program_for_source_packages(self):
        etc = self.machine(debian_sources=DEB822)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(
                apt_sources.main(["source-candidates", "bookworm", "trixie"], etc), 0)
        self.assertEqual(out.getvalue(), "Types: deb-src\nURIs: http://mirror.example/debian\n"
                         "Suites: trixie\nComponents: main contrib\n"
                         f"Signed-By: {KEYRING}\n")


if __name__ == "__main__":
    unittest.main()
