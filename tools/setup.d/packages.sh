# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Part of tools/setup: Debian packages and how they are installed.

BUILD_PACKAGES=(
  python3-minimal python3
  bazel-bootstrap bazel-platforms bazel-skylib bazel-rules-java bazel-rules-proto
  g++ binutils git ca-certificates pkg-config
  libcli11-dev libspdlog-dev libfmt-dev libfdt-dev
  libzstd-dev liblzma-dev liblz4-dev zlib1g-dev libssl-dev libseccomp-dev liburing-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)

TEST_PACKAGES=(
  clang-19 clang-tidy-19 libclang-rt-19-dev llvm-19 clang-format
  acpica-tools strace zstd xz-utils lz4 cpio
  iproute2 passt
)

# The compressors unpack kernels.
KERNEL_PACKAGES=(
  python3-minimal python3 busybox-static zstd lz4
)

# What unpacks programs and firmware.
PROGRAM_PACKAGES=(python3-minimal python3)

# What the lab puts into L1: file system tools, networks without privileges, a disk's own test. The
# last three make a disk that firmware boots from.
LAB_PACKAGES=(e2fsprogs passt fio mtools systemd-boot-efi binutils)

# The nested lab needs TCG's SVM emulation as QEMU 10 has it; Debian 12 ships 7.2.
QEMU_MAJOR=10
QEMU_PACKAGE=qemu-system-x86
# What it depends on from the same suite: the pin keeps apt from finding these by itself.
QEMU_COMPANIONS=(qemu-system-common qemu-system-data seabios)

APT_OPTIONS=(
  -q -y --no-install-recommends
  -o DPkg::Lock::Timeout=600
  -o Dpkg::Use-Pty=0
  -o Acquire::Retries=3
  -o Acquire::http::Timeout=30
  -o Acquire::https::Timeout=30
)

# apt-get, never asking anything, speaking on stderr, not holding the setup's lock.
apt() {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get "${APT_OPTIONS[@]}" "$@" </dev/null >&2 {lock}>&-
}

check_machine() {
  local architecture
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    die "this script installs Debian packages, but there is no apt-get here"
  architecture=$(dpkg --print-architecture)
  [[ $architecture == amd64 ]] || die "sealvm is for amd64 machines; this one is $architecture"
}

require_root() {
  ((EUID == 0)) || die "$1; run tools/setup as root once"
}

# Prints those of the named packages that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk '$2 == "installed" { print $1 }' || true)
  comm -13 <(sort -u <<<"$installed") <(printf '%s\n' "$@" | sort -u)
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  require_root "missing packages: ${missing[*]}"
  say "installing ${#missing[@]} packages: ${missing[*]}"
  apt_install "${missing[@]}"
}

# A list that is absent or old shows as a package that cannot be found or downloaded.
apt_install() {
  if have_lists && apt install "$@"; then
    return
  fi
  update_machine_lists
  apt install "$@" || die "apt-get could not install: $*"
}

install_qemu() {
  local version suite
  version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$QEMU_PACKAGE" 2>/dev/null || true)
  if [[ $version == installed* ]] &&
    dpkg --compare-versions "${version#* }" ge "1:$QEMU_MAJOR"; then
    return
  fi
  require_root "QEMU $QEMU_MAJOR is not installed"
  add_suites
  have_package_lists "$QEMU_PACKAGE" || update_suites
  suite=$(suite_with_qemu) ||
    die "this machine's mirror has no QEMU $QEMU_MAJOR for Debian $(debian_codename)"
  say "installing $QEMU_PACKAGE from $suite"
  apt_install "$QEMU_PACKAGE/$suite" "${QEMU_COMPANIONS[@]/%//$suite}"
}

# QEMU links against this release's libraries, so only its own suites will do.
suite_with_qemu() {
  local release suite
  release=$(debian_codename)
  for suite in "$release" "$release-backports"; do
    if apt-cache madison "$QEMU_PACKAGE" | awk -F'|' -v suite="$suite" -v major="$QEMU_MAJOR" '
        { split($3, place, " "); sub("/.*", "", place[2]); split($2, version, /[:.]/)
          if (place[2] == suite && version[2] + 0 >= major) found = 1 }
        END { exit !found }'; then
      echo "$suite"
      return
    fi
  done
  return 1
}
