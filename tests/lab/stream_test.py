# SPDX-License-Identifier: Apache-2.0
"""Tests of lab.stream."""

import unittest

from lab.stream import Lines, MarkedStream

MARKER = b"abcabd"


def pass_in_pieces(data: bytes, size: int) -> tuple[bytes, bool]:
    stream = MarkedStream(MARKER)
    passed = b"".join(stream.feed(data[i:i + size]) for i in range(0, len(data), size))
    return passed, stream.ended


class MarkedStreamTest(unittest.TestCase):
    def test_any_splitting_gives_the_same(self):
        # The marker's own beginning repeats inside it and right before it.
        content = b"abcabcab" + b"ab\0\xffabcab" + b"abc"
        for size in range(1, len(content) + len(MARKER) + 1):
            self.assertEqual(pass_in_pieces(content + MARKER, size), (content, True), size)

    def test_bytes_that_begin_no_marker_pass_at_once(self):
        stream = MarkedStream(MARKER)
        self.assertEqual(stream.feed(b"prompt# "), b"prompt# ")
        self.assertFalse(stream.ended)

    def test_possible_beginning_is_held_until_decided(self):
        stream = MarkedStream(MARKER)
        self.assertEqual(stream.feed(b"xabc"), b"x")
        self.assertEqual(stream.feed(b"y"), b"abcy")

    def test_nothing_passes_after_the_marker(self):
        stream = MarkedStream(MARKER)
        self.assertEqual(stream.feed(MARKER + b"late"), b"")
        self.assertEqual(stream.feed(b"later"), b"")

    def test_empty_marker_is_refused(self):
        with self.assertRaises(ValueError):
            MarkedStream(b"")


class LinesTest(unittest.TestCase):
    def test_lines_in_pieces(self):
        lines = Lines()
        self.assertEqual(lines.feed(b"rea"), [])
        self.assertEqual(lines.feed(b"dy\nexit 1 "), ["ready"])
        self.assertEqual(lines.feed(b"0\n\n"), ["exit 1 0", ""])


if __name__ == "__main__":
    unittest.main()
