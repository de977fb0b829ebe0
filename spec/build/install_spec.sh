#!/bin/sh
# An installed Neap is usable: by pkg-config, by find_package, by a stock lua5.4, as a command.
set -eu
tmp=$(mktemp -d)
prefix=$tmp/prefix
consumer=$NEAP_SRC/spec/build/consumer

# The product as users get it: without tests, hence without the sandbox inside neap.so.
cmake -S "$NEAP_SRC" -B "$tmp/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE=-O0 -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$prefix"
cmake --build "$tmp/build"
cmake --install "$tmp/build"

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
# shellcheck disable=SC2046
gcc -std=c11 "$consumer/main.c" -o "$tmp/by-pkg-config" $(pkg-config --cflags --libs neap)
LD_LIBRARY_PATH=$prefix/lib "$tmp/by-pkg-config"

cmake -S "$consumer" -B "$tmp/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix"
cmake --build "$tmp/consumer"
"$tmp/consumer/consumer"

"$prefix/bin/neap" version
[ -f "$prefix/share/neap/scripts/omnisegment/import-audience.lua" ]
[ -f "$prefix/share/neap/scripts/omnisegment/samples/audience.csv" ]

LUA_CPATH="$prefix/lib/lua/5.4/?.so;;" lua5.4 -e 'assert(type(require "neap") == "table")'
if grep -q MHD_start_daemon "$prefix/lib/lua/5.4/neap.so"; then
    echo "the installed module has the HTTP sandbox inside"
    exit 1
fi
