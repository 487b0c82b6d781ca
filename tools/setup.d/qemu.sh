# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Part of tools/setup: builds the lab's patched QEMU from Debian's source package.
#
# The result is one program in the cache, with the patches it was built with beside it; that is how
# tests/lab/qemu.py finds it. Firmware comes from the packages of the stock QEMU.

# The patches are made for this series, which this suite keeps for its whole life. It is not the
# suite the stock QEMU comes from: backports drop the source of a version long before the program.
QEMU_SOURCE_SUITE=trixie
QEMU_SOURCE_SERIES=10.0

QEMU_BUILD_PACKAGES=(
  dpkg-dev xz-utils patch gcc libc6-dev make pkg-config ninja-build python3 python3-venv
  libglib2.0-dev libfdt-dev zlib1g-dev
)
# QEMU's configure asks for it; Debian 12 has 1.0 and a newer one among its backports.
QEMU_MESON=1.5

# --python: whatever else is first on PATH lacks Debian's meson. --prefix: firmware paths below the
# prefix would be taken relative to the program.
QEMU_CONFIGURE=(
  --python=/usr/bin/python3 --prefix=/nonexistent
  --firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu
  --target-list=x86_64-softmmu --without-default-features --enable-tcg --enable-system
  --enable-fdt=system --disable-docs --disable-tools --disable-install-blobs --disable-download
  --disable-debug-info
)

QEMU_PATCHES=$root/tests/lab/qemu
QEMU_PROGRAM=qemu-system-x86_64

# What of the result depends on this tree.
qemu_recipe() {
  { printf '%s\n' "$QEMU_SOURCE_SERIES" "${QEMU_CONFIGURE[@]}"; cat "$QEMU_PATCHES"/*.patch; } |
    sha256sum | cut -c1-12
}

# True if a folder holds a QEMU that starts (a library may have gone since).
qemu_works() {
  [[ -x $1/$QEMU_PROGRAM ]] && "$1/$QEMU_PROGRAM" --version >/dev/null 2>&1
}

qemu_is_built() {
  local entry
  for entry in "$cache"/qemu/*-"$(qemu_recipe)"; do
    ! qemu_works "$entry" || return 0
  done
  return 1
}

setup_qemu() {
  if ((refresh == 0)) && qemu_is_built; then
    return
  fi
  install_packages "${QEMU_BUILD_PACKAGES[@]}"
  install_qemu
  install_meson
  # Everything of the build lies here, and the exit trap takes it away.
  qemu_work=$cache/qemu/.build
  rm -rf "$qemu_work"
  mkdir -p "$qemu_work"
  build_qemu
  rm -rf "$qemu_work"
}

install_meson() {
  local version suite
  version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' meson 2>/dev/null || true)
  if [[ $version == installed* ]] && dpkg --compare-versions "${version#* }" ge "$QEMU_MESON"; then
    return
  fi
  require_root "meson $QEMU_MESON is not installed"
  add_suites
  have_package_lists meson || update_suites
  suite=$(debian_codename)-backports
  say "installing meson from $suite"
  apt_install "meson/$suite"
}

build_qemu() {
  local source version entry
  source=$(find_qemu_source) || die "no Debian source of this machine offers QEMU's source package" \
    "(suite $QEMU_SOURCE_SUITE); the lines above say why"
  version=$(source_apt-cache "$source" showsrc qemu | awk '$1 == "Version:" { print $2 }' |
    sort -V | tail -n 1 || true)
  [[ $version == 1:"$QEMU_SOURCE_SERIES".* ]] ||
    die "the mirror's QEMU source is '$version'; the patches in tests/lab/qemu are for" \
      "$QEMU_SOURCE_SERIES"
  entry=$cache/qemu/${version#*:}-$(qemu_recipe)
  ! qemu_works "$entry" || return 0

  say "downloading the source of QEMU $version"
  (cd "$qemu_work" && source_apt "$source" -qq source --only-source "qemu=$version") ||
    die "the source of QEMU $version could not be downloaded, verified and unpacked"
  mv "$qemu_work"/qemu-*/ "$qemu_work/source"
  patch_qemu
  compile_qemu

  mkdir -p "$qemu_work/entry/patches"
  strip -o "$qemu_work/entry/$QEMU_PROGRAM" "$qemu_work/build/$QEMU_PROGRAM"
  cp "$QEMU_PATCHES"/*.patch "$qemu_work/entry/patches/"
  qemu_works "$qemu_work/entry" || die "the QEMU that was built does not start"
  rm -rf "$entry"
  mv "$qemu_work/entry" "$entry"
  say "QEMU $version with the lab's patches is in $entry"
}

# Writes a source for source packages that the machine's mirror answers to, and prints its file. It
# serves this one download: lists and their index are private, nothing of apt's own is touched.
find_qemu_source() {
  local stanzas stanza file=$qemu_work/deb-src.sources
  stanzas=$(python3 "$parts/apt_sources.py" source-candidates "$(debian_codename)" \
    "$QEMU_SOURCE_SUITE")
  mkdir -p "$qemu_work/lists/partial"
  while IFS= read -r -d '%' stanza; do
    stanza=${stanza#$'\n'}
    [[ -n $stanza ]] || continue
    printf '%s\n' "${stanza%$'\n'}" >"$file"
    if source_apt "$file" update -o APT::Update::Error-Mode=any; then
      echo "$file"
      return 0
    fi
  done <<<"$stanzas%"
  return 1
}

source_options() {
  printf '%s\n' -o "Dir::Etc::sourcelist=$1" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$qemu_work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User=root
}

source_apt() {
  local options
  mapfile -t options < <(source_options "$1")
  apt "${options[@]}" "${@:2}"
}

source_apt-cache() {
  local options
  mapfile -t options < <(source_options "$1")
  apt-cache "${options[@]}" "${@:2}"
}

patch_qemu() {
  local file
  for file in "$QEMU_PATCHES"/*.patch; do
    patch -d "$qemu_work/source" -p1 --forward --fuzz=0 --no-backup-if-mismatch -s <"$file" >&2 ||
      die "${file##*/} does not apply to this QEMU"
  done
}

compile_qemu() {
  local log=$cache/qemu/build.log
  say "building QEMU; ten minutes or so on two processors"
  mkdir "$qemu_work/build"
  if ! (cd "$qemu_work/build" && nice -n 10 ../source/configure "${QEMU_CONFIGURE[@]}") \
      </dev/null >"$log" 2>&1 {lock}>&-; then
    tail -n 20 "$log" >&2
    die "QEMU's configure failed; $log has all it said"
  fi
  if ! nice -n 10 ninja -C "$qemu_work/build" "$QEMU_PROGRAM" </dev/null 2>&1 {lock}>&- |
      tee -a "$log" | show_progress; then
    { grep -A 15 '^FAILED' "$log" || tail -n 20 "$log"; } | head -n 40 >&2 || true
    die "QEMU did not build; $log has all it said"
  fi
  rm -f "$log"
}

# One line for each tenth of ninja's "[done/all]".
show_progress() {
  awk -F '[][/]' '$2 ~ /^[0-9]+$/ && $3 > 0 {
    tenth = int(10 * $2 / $3)
    if (tenth > shown) { shown = tenth; printf "setup: QEMU: %d %%\n", 10 * tenth; fflush() }
  }' >&2
}
