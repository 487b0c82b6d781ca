# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Part of tools/setup: the lab's kernels with sealed memfds, which kernel/build.sh builds.

KERNEL_BUILD_PACKAGES=(
  python3-minimal python3 binutils gcc libc6-dev make flex bison bc perl patch xz-utils libelf-dev
)

# Takes the flavour as options of kernel/build.sh.
setup_kernel() {
  local options=("$@")
  if ((refresh)); then
    options+=(--refresh)
  elif "$root/kernel/build.sh" "$@" --check >/dev/null; then
    return
  fi
  install_packages "${KERNEL_BUILD_PACKAGES[@]}"
  # As the other parts fetch, so that build.sh finds it.
  fetch source
  "$root/kernel/build.sh" "${options[@]}" </dev/null >/dev/null {lock}>&- ||
    die "kernel/build.sh $* failed; the lines above say why"
}
