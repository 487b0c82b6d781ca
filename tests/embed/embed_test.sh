#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the library into a scratch prefix, builds the example outside the workspace's targets as an
# embedder would, and runs it.
set -euo pipefail

fail() { echo "FAILED: $*" >&2; exit 1; }
# Bazel knows no skipped shell tests; ./check takes the word from the XML report.
skip() {
  echo "SKIPPED: $*"
  printf '<testsuites><testsuite name="embed" tests="1" skipped="1"><testcase name="embed"
    classname="embed"><skipped message="%s"/></testcase></testsuite></testsuites>\n' "$*" \
    > "$XML_OUTPUT_FILE"
  exit 0
}

[ "${1:-}" != sanitized ] || skip "an embedder's plain compiler cannot link a sanitizer's archive"

prefix=$TEST_TMPDIR/prefix
SEALVM_BUILD=$PWD tools/install "$prefix"

lines=$(wc -l < docs/examples/embed.cc)
[ "$lines" -lt 60 ] || fail "the example has $lines lines; it should be under 60"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
# shellcheck disable=SC2046  # pkg-config's words are meant to be split
g++ -std=c++23 -Wall -Wextra -Werror docs/examples/embed.cc \
  $(pkg-config --cflags --libs sealvm) -o "$TEST_TMPDIR/embed"

[ -w /dev/kvm ] || skip "the example was built but not run: /dev/kvm cannot be opened"
"$TEST_TMPDIR/embed" > "$TEST_TMPDIR/out" 2> "$TEST_TMPDIR/err" || {
  cat "$TEST_TMPDIR/out" "$TEST_TMPDIR/err"
  fail "the example failed"
}
grep -q 'self-test passed' "$TEST_TMPDIR/out" || fail "the guest's report is not on stdout"
for event in created started first-instruction exit; do
  grep -q "embed: $event after" "$TEST_TMPDIR/err" || fail "no event '$event'"
done
grep -q 'ended with power-off' "$TEST_TMPDIR/err" || fail "the guest did not power off"
