# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Part of tools/setup: the lab's kernels with sealed memfds, which kernel/build.sh builds.

KERNEL_BUILD_PACKAGES=(
  python3-minimal python3 binutils gcc libc6-dev make flex bison bc perl patch xz-utils libelf-dev
)

# The flavours that tests/lab uses, by build.sh's options.
KERNEL_FLAVOURS=("" "--lockdep --kasan")

build_kernel() {
  local options=("${@:2}")
  ((refresh == 0)) || options+=(--refresh)
  # shellcheck disable=SC2086 # a flavour is words
  "$root/kernel/build.sh" $1 "${options[@]}" </dev/null >/dev/null {lock}>&-
}

setup_kernel() {
  local flavour missing=()
  for flavour in "${KERNEL_FLAVOURS[@]}"; do
    ((refresh == 0)) && build_kernel "$flavour" --check || missing+=("$flavour")
  done
  ((${#missing[@]})) || return 0
  install_packages "${KERNEL_BUILD_PACKAGES[@]}"
  # As the other parts fetch, so that build.sh finds it.
  fetch source
  for flavour in "${missing[@]}"; do
    build_kernel "$flavour" || die "kernel/build.sh $flavour failed; the lines above say why"
  done
}
