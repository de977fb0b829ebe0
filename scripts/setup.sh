# setup.sh: what scripts/neap and scripts/test share; sourced by them, with `root` set.
# Everything it says goes to stderr: stdout belongs to the command that runs afterwards.
# shellcheck shell=bash disable=SC2034,SC2154

build_packages=(ca-certificates cmake gcc libc6-dev libcurl4-openssl-dev libexpat1-dev
    liblua5.4-dev libmicrohttpd-dev libsqlite3-dev libssl-dev libuv1-dev lua-cjson lua-cjson-dev
    lua-lpeg lua-lpeg-dev lua5.4 ninja-build pkg-config zlib1g-dev)
test_packages=(clang-tidy cppcheck curl g++ libnginx-mod-http-lua lua-busted lua-check lua-luv
    luarocks nginx nginx-dev valgrind)

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# apt_get ARGS...: as root, without questions, waiting for another apt; silent unless it fails.
apt_get() {
    local as_root=() log
    ((EUID == 0)) || as_root=(sudo)
    log=$(mktemp)
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# without_services COMMAND...: what is installed meanwhile starts no service; nginx's would take port 80.
without_services() (
    policy=/usr/sbin/policy-rc.d as_root=()
    if [[ ! -e $policy ]]; then
        ((EUID == 0)) || as_root=(sudo)
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
    fi
    "$@"
)

# install_missing PACKAGES...: installs those that are not there. One dpkg-query when all are.
install_missing() {
    local package installed missing=()
    installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        [[ $installed == *" $package:installed "* ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || command -v sudo >/dev/null ||
        die "not root and no sudo; have an administrator run: apt-get install ${missing[*]}"
    say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    # Without package lists, or with lists older than the archive, an update is needed first.
    if [[ -z $(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null) ]]; then
        apt_get update || die "apt-get update failed"
        without_services apt_get install --no-install-recommends "${missing[@]}" || die "apt-get install failed"
    elif ! without_services apt_get install --no-install-recommends "${missing[@]}" 2>/dev/null; then
        apt_get update || die "apt-get update failed"
        without_services apt_get install --no-install-recommends "${missing[@]}" || die "apt-get install failed"
    fi
}

# quietly COMMAND...: output only if it fails, then on stderr.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}

# build_preset NAME [TARGET...]: configures and builds what changed in build/NAME.
build_preset() {
    local name=$1 targets=()
    (($# == 1)) || targets=(--target "${@:2}")
    if [[ ! -f $root/build/$name/build.ninja ]]; then
        (cd "$root" && quietly cmake --preset "$name") || return 1
    fi
    quietly cmake --build "$root/build/$name" "${targets[@]}"
}
