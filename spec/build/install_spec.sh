#!/bin/sh
# An installed Neap is usable: by pkg-config, by find_package, by a stock lua5.4, as a command; under /usr and
# /usr/local the module is where the distribution's lua5.4 looks.
set -eu
tmp=$(mktemp -d)
prefix=$tmp/prefix
consumer=$NEAP_SRC/spec/build/consumer
unset NEAP_LUA_DIR
fail() { echo "$*"; exit 1; }

# The product as users get it: without tests, hence without the sandbox inside neap.so. The flags are those of the
# preset ci, so that most objects are there already (spec/support/launch-cc).
cmake -S "$NEAP_SRC" -B "$tmp/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$prefix"
cmake --build "$tmp/build"
cmake --install "$tmp/build"

# The library: every header, a name that changes when callers must be built again, the version everywhere the same.
for header in "$NEAP_SRC"/csrc/include/neap/*.h; do
    cmp "$header" "$prefix/include/neap/${header##*/}"
done
version=$(sed -n 's/^#define NEAP_VERSION "\(.*\)"$/\1/p' "$prefix/include/neap/neap.h")
compatible=${version%%.*}
[ "$compatible" != 0 ] || compatible=${version%.*}
soname=$(objdump -p "$prefix/lib/libneap.so" | awk '$1 == "SONAME" { print $2 }')
[ "$soname" = "libneap.so.$compatible" ] || fail "version $version, but $soname"
[ -L "$prefix/lib/libneap.so" ] && [ -L "$prefix/lib/$soname" ] && [ -f "$prefix/lib/libneap.so.$version" ]

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
[ "$(pkg-config --modversion neap)" = "$version" ]
pkg-config --print-errors --exists --static neap
# Who only uses the library needs no header of what it is made of.
[ "$(PKG_CONFIG_LIBDIR="$prefix/lib/pkgconfig" pkg-config --cflags --libs neap)" = "$(pkg-config --cflags --libs neap)" ]
cmp "$NEAP_SRC/csrc/README.md" "$prefix/share/doc/neap/README.md"
for example in call poll; do
    # shellcheck disable=SC2046
    gcc -std=c11 "$prefix/share/doc/neap/examples/$example.c" -o "$tmp/$example" $(pkg-config --cflags --libs neap)
done
echo 'neap.sleep(0.001) return neap.version().neap' >"$tmp/version.lua"
[ "$(LD_LIBRARY_PATH=$prefix/lib "$tmp/poll" "$tmp/version.lua")" = "$tmp/version.lua: \"$version\"" ]

cmake -S "$consumer" -B "$tmp/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix"
cmake --build "$tmp/consumer"
"$tmp/consumer/consumer"

"$prefix/bin/neap" version
[ -f "$prefix/share/neap/scripts/omnisegment/import-audience.lua" ]
[ -f "$prefix/share/neap/scripts/omnisegment/samples/audience.csv" ]

# The module has all of the library, but no server.
cat >"$tmp/all.lua" <<'END'
local neap = require "neap"
require("neap.runtime").configure { sandbox = true }
local word = neap.run(function()
    neap.sleep(0.001)
    return assert(neap.vendor "opm":ping {}).message
end)
assert(word == "pong" and neap.loop.live() == 0)
for _, name in ipairs(require("neap.native.embed").names "neap.") do
    local is_data = name:find "^neap%.vendors%." or name:find "^neap%.sandbox%."
    if not is_data and not name:find "^neap%.cli" then require(name) end
end
END
LUA_CPATH="$prefix/lib/lua/5.4/?.so;;" lua5.4 "$tmp/all.lua"
if grep -q MHD_start_daemon "$prefix/lib/lua/5.4/neap.so"; then
    fail "the installed module has the HTTP sandbox inside"
fi

unset LUA_CPATH
lua5.4 -e 'print((package.cpath:gsub("%?", "neap"):gsub(";", "\n")))' >"$tmp/looked-at"
for root in /usr /usr/local; do
    cmake -S "$NEAP_SRC" -B "$tmp/build" -U CMAKE_INSTALL_LIBDIR -DCMAKE_INSTALL_PREFIX=$root
    cmake --build "$tmp/build"
    DESTDIR=$tmp/staged$root cmake --install "$tmp/build"
    module=$(cd "$tmp/staged$root" && find . -name neap.so | sed 's/^\.//')
    grep -qxF "$module" "$tmp/looked-at" || fail "$module is not in the package.cpath of lua5.4"
done
