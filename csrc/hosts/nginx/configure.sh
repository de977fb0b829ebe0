#!/bin/bash
# configure.sh NGINX_SOURCE ADDON OBJECTS CC: nginx's own configure, with the flags of the distribution's
# nginx, for a module beside it. Its output is told only if it fails.
set -euo pipefail
nginx=$1 addon=$2 objects=$3 cc=$4

mkdir -p "$objects"
cd "$nginx"
# shellcheck source=/dev/null
source ./conf_flags # sets the array NGX_CONF_FLAGS
if ! ./configure --with-cc="$cc" --with-cc-opt="-g -O2 -fPIC" --with-ld-opt=-fPIC "${NGX_CONF_FLAGS[@]}" \
    --add-dynamic-module="$addon" --builddir="$objects" >"$objects/configure.log" 2>&1; then
    cat "$objects/configure.log" >&2
    exit 1
fi
