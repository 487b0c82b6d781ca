# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Part of tools/setup: the Debian suites that the machine's own sources do not name.
#
# They go into one file, with a pin so low that apt never takes anything from them by itself:
# a package comes from there only where this setup names it together with its suite or version.

SOURCES_FILE=/etc/apt/sources.list.d/sealvm.sources
PIN_FILE=/etc/apt/preferences.d/sealvm

# bookworm: 6.1 kernels; bookworm-backports: QEMU 10; trixie: 6.12, virtiofsd; trixie-backports:
# 7.x, headers.
WANTED_SUITES=(bookworm bookworm-backports trixie trixie-backports)

debian_codename() {
  (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# True if apt has any package list at all (images are often shipped without).
have_lists() {
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

have_package_lists() {
  [[ -n "$(apt-cache madison "$1" 2>/dev/null)" ]]
}

# Updates the lists of the machine's Debian sources only: a third party's broken source is not
# ours to trip over. Before python3 is there, everything is updated and failures are tolerated.
update_machine_lists() {
  local sources
  if command -v python3 >/dev/null; then
    sources=$scratch/machine.sources
    python3 "$parts/apt_sources.py" base "$(debian_codename)" >"$sources"
    if [[ -s $sources ]]; then
      say "updating the package lists"
      apt_update_only "$sources" || say "some package lists could not be updated"
      return
    fi
  fi
  say "updating the package lists"
  apt update || say "some package lists could not be updated"
}

# apt-get update for the sources in one file; lists of all other sources stay as they are.
apt_update_only() {
  apt update -o Dir::Etc::sourcelist="$1" -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any
}

update_suites() {
  update_machine_lists
  [[ ! -s $SOURCES_FILE ]] || apt_update_only "$SOURCES_FILE" ||
    say "some package lists of $SOURCES_FILE could not be updated"
}

# Adds each wanted suite that the machine lacks, from the first of its sources that carries it.
add_suites() {
  local suite usable=0
  have_lists || update_machine_lists
  for suite in "${WANTED_SUITES[@]}"; do
    if suite_is_known "$suite" || add_suite "$suite"; then
      [[ $suite == "$(debian_codename)" ]] || usable=1
    else
      say "warning: no source of this machine carries the suite $suite"
    fi
  done
  ((usable)) ||
    die "none of this machine's Debian sources can be read or carries one of" \
      "${WANTED_SUITES[*]}; check /etc/apt/sources.list and /etc/apt/sources.list.d"
}

# By name, or by role: a machine whose sources say "oldstable" has that release's codename.
suite_is_known() {
  [[ $1 == "$(debian_codename)" ]] ||
    python3 "$parts/apt_sources.py" has "$1" ||
    grep -qsx "Suites: $1" "$SOURCES_FILE" ||
    apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' | grep -x "$1" >/dev/null
}

add_suite() {
  local suite=$1 stanzas stanza
  stanzas=$(python3 "$parts/apt_sources.py" candidates "$(debian_codename)" "$suite")
  [[ -n $stanzas ]] ||
    die "no Debian source (suite $(debian_codename), component main) in /etc/apt/sources.list" \
      "or /etc/apt/sources.list.d; add your mirror there and run this again"
  while IFS= read -r -d '%' stanza; do
    stanza=${stanza#$'\n'}
    printf '%s\n' "${stanza%$'\n'}" >"$scratch/trial.sources"
    if apt_update_only "$scratch/trial.sources"; then
      write_suite "$suite" "$scratch/trial.sources"
      return 0
    fi
  done <<<"$stanzas%"
  return 1
}

# The pin comes first: apt must never read the source without it.
write_suite() {
  local suite=$1 stanza=$2
  say "adding suite $suite to $SOURCES_FILE"
  [[ -s $PIN_FILE ]] ||
    echo "# Written by sealvm's tools/setup: nothing moves to these suites by itself." >"$PIN_FILE"
  printf '\nPackage: *\nPin: release o=%s,n=%s\nPin-Priority: -1\n' \
    "$(suite_origin "$suite")" "$suite" >>"$PIN_FILE"
  [[ -s $SOURCES_FILE ]] ||
    echo "# Written by sealvm's tools/setup, held down by $PIN_FILE; remove both to undo." \
      >"$SOURCES_FILE"
  { echo; cat "$stanza"; } >>"$SOURCES_FILE"
  chmod 644 "$PIN_FILE" "$SOURCES_FILE"
}

# The Origin field of the suite's Release file.
suite_origin() {
  case $1 in
    *-backports) echo "Debian Backports" ;;
    *) echo Debian ;;
  esac
}
