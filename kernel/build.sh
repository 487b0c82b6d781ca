#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds Debian's linux-source-6.12 with the patches of this folder into sealvm's cache and prints
# the result's folder, which holds vmlinuz, vmlinux, config and what it was made of. Changes nothing
# else on the machine; see usage below and docs/lab.md.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SEALVM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sealvm}
kernels=$cache/kernels
fetch=$root/tools/setup.d/fetch.py
source_name=linux-source-6.12
work=

# Counts up when the steps below change what comes out of the same patches and configuration.
recipe_version=1

usage() {
  cat <<'USAGE'
usage: kernel/build.sh [--lockdep] [--kasan] [--refresh | --check]

Builds the kernel with sealed memfds (docs/kernel-interface.md) as the lab's L1, unless the cache has
it with these patches and this configuration. Its folder is the last line on stdout.

  --lockdep   with proofs of its locking
  --kasan     with checks of its memory accesses
  --refresh   look for a newer release of Debian's source
  --check     build nothing: exit code 1 if the cache does not have it
USAGE
}

say() { printf 'kernel: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# The patches in their order; number 0 is the cover letter.
patches() {
  local file
  for file in "$root"/kernel/[0-9]*.patch; do
    [[ ! -e $file || ${file##*/} == 0000-* ]] || echo "$file"
  done
}

# The parts of the configuration for this flavour, such as "-lockdep-kasan".
fragments() {
  local part
  for part in l1 ${flavour//-/ }; do
    echo "$root/configs/kernel/$part.config"
  done
}

# What of the result depends on this tree.
recipe() {
  local file
  {
    echo "$recipe_version"
    while IFS= read -r file; do
      echo "${file##*/}"
      cat "$file"
    done < <(patches; fragments)
  } | sha256sum | cut -c1-12
}

# The newest kernel of the cache that this recipe made.
find_built() {
  local entry newest=
  for entry in "$kernels/patched$flavour"-[0-9]*-"$(recipe)"; do
    [[ -f $entry/vmlinuz ]] || continue
    [[ -n $newest && $newest -nt $entry ]] || newest=$entry
  done
  [[ -n $newest ]] && echo "$newest"
}

check_tools() {
  local tool missing=()
  for tool in gcc ld make flex bison bc perl patch xz dpkg-deb; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  echo '#include <gelf.h>' | gcc -E - >/dev/null 2>&1 || missing+=(libelf-dev)
  ((${#missing[@]} == 0)) || die "missing: ${missing[*]}; run tools/setup kernel as root"
}

get_source() {
  if ((refresh == 0)) && python3 -B "$fetch" --cache "$cache" --check source; then
    return
  fi
  python3 -B "$fetch" --cache "$cache" source ||
    die "$source_name cannot be downloaded; tools/setup kernel updates the package lists"
}

unpack_source() {
  mkdir "$work/source"
  dpkg-deb --fsys-tarfile "$cache/linux-source/current/$source_name.deb" |
    tar -xO "./usr/src/$source_name.tar.xz" |
    tar -xJ -C "$work/source" --strip-components=1 ||
    die "$source_name cannot be unpacked to $work"
}

patch_source() {
  local file
  while IFS= read -r file; do
    patch -d "$work/source" -p1 --forward --fuzz=0 --no-backup-if-mismatch -s <"$file" >&2 ||
      die "${file##*/} does not apply to $source_name $version"
  done < <(patches)
}

# make for the kernel: the same result wherever and whenever it runs, with Debian's tools and no
# others. Those that keep things at home do so in the work folder.
kernel_make() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$work" LC_ALL=C TZ=UTC \
    KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_VERSION=1 \
    KBUILD_BUILD_USER=sealvm KBUILD_BUILD_HOST=sealvm KCONFIG_ALLCONFIG="$work/all.config" \
    nice -n 10 make -C "$work/source" --no-print-directory CC=gcc "$@" </dev/null {lock}>&-
}

configure() {
  local refused
  fragments | xargs -d '\n' cat >"$work/all.config"
  kernel_make allnoconfig >"$log" 2>&1 || build_failed "the kernel cannot be configured"
  # A dependency that is not met drops a line without a word.
  refused=$(grep '^CONFIG_' "$work/all.config" | grep -vxFf "$work/source/.config" || true)
  [[ -z $refused ]] || die "configs/kernel: did not take effect: ${refused//$'\n'/ }"
}

compile() {
  say "building $source_name $version$flavour; some ten minutes on two processors"
  kernel_make -j "$(nproc)" bzImage 2>&1 | tee -a "$log" | show_progress ||
    build_failed "the kernel did not build"
}

# One line for each 200 of the build's steps, which no one knows the number of.
show_progress() {
  awk '/^  (CC|AS|AR|LD) / && ++steps % 200 == 0 {
    printf "kernel: %d objects\n", steps; fflush() }' >&2
}

build_failed() {
  { grep -B 2 -A 12 -E '(error|Error):? ' "$log" || tail -n 20 "$log"; } | head -n 40 >&2 || true
  die "$1; $log has all it said"
}

# Whole or absent: filled here, then renamed.
keep() {
  local source=$work/source
  mkdir -p "$work/entry/recipe" "$work/entry/modules"
  cp "$source/arch/x86/boot/bzImage" "$work/entry/vmlinuz"
  cp "$source/vmlinux" "$work/entry/vmlinux"
  cp "$source/.config" "$work/entry/config"
  cp "$source/modules.builtin" "$work/entry/modules/modules.builtin"
  { patches; fragments; } | xargs -d '\n' cp -t "$work/entry/recipe"
  printf '{"name": "patched%s", "role": "l1", "release": "%s", "source": "%s %s"}\n' "$flavour" \
    "$(cat "$source/include/config/kernel.release")" "$source_name" "$version" \
    >"$work/entry/kernel.json"
  rm -rf "$entry"
  mv -T "$work/entry" "$entry"
  rm -f "$log"
  echo "$entry"
}

build() {
  check_tools
  mkdir -p "$kernels"
  exec {lock}>"$kernels/build.lock"
  flock -n "$lock" || { say "waiting for another build to finish"; flock "$lock"; }
  # The other build may have been this one.
  if ((refresh == 0)) && find_built; then
    return
  fi
  get_source
  version=$(basename "$(readlink -f "$cache/linux-source/current")")
  entry=$kernels/patched$flavour-$version-$(recipe)
  if [[ -f $entry/vmlinuz ]]; then
    echo "$entry"
    return
  fi
  log=$kernels/build$flavour.log
  # On the cache's file system, so that the result can be renamed; a build that was killed left its
  # own.
  rm -rf "$kernels"/.build-*
  work=$(mktemp -d "$kernels/.build-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "unpacking $source_name $version"
  unpack_source
  patch_source
  configure
  compile
  keep
}

main() {
  local lockdep="" kasan="" check=0 argument
  refresh=0
  for argument in "$@"; do
    case $argument in
      --lockdep) lockdep=-lockdep ;;
      --kasan) kasan=-kasan ;;
      --refresh) refresh=1 ;;
      --check) check=1 ;;
      -h | --help) usage; exit 0 ;;
      *) say "unknown argument '$argument'"; usage >&2; exit 2 ;;
    esac
  done
  flavour=$lockdep$kasan
  if ((refresh == 0)) && find_built; then
    return
  fi
  ((check == 0)) || exit 1
  build
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
