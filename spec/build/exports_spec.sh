#!/bin/sh
# What the products export and need: DESIGN.md 2.
set -eu

# exported FILE: names of its own dynamic symbols, without versions.
exported() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
fail() { echo "$*"; exit 1; }

[ "$(exported "$NEAP_BUILD/neap.so")" = luaopen_neap ] ||
    fail "neap.so exports: $(exported "$NEAP_BUILD/neap.so")"
if needed "$NEAP_BUILD/neap.so" | grep -E 'lua|cjson|lpeg'; then
    fail "neap.so must leave Lua to the interpreter"
fi

# libneap.so: what the headers declare, all of it and nothing else.
declared=$(cat "$NEAP_SRC"/csrc/include/neap/*.h | sed 's|//.*||' | tr '\n' ' ' | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
    grep -oE '\bneap_[a-z_]+\(' | tr -d '(' | sort -u)
got=$(exported "$NEAP_BUILD/libneap.so" | sort -u)
[ "$got" = "$declared" ] || fail "libneap.so exports: $got
the headers declare: $declared"
for version in $(nm -D --defined-only "$NEAP_BUILD/libneap.so" | awk '$2 != "A" { print $3 }' | sed 's/.*@//' | sort -u); do
    objdump -p "$NEAP_BUILD/libneap.so" | grep -qF "SONAME               libneap.so.${version#NEAP_}" ||
        fail "the names of libneap.so are of version $version, which is not that of its SONAME"
done
if grep -q MHD_start_daemon "$NEAP_BUILD/libneap.so"; then
    fail "the HTTP sandbox is the command's, not the library's"
fi

# What only some need is opened by them: csrc/core/library.h.
for product in neap neap.so libneap.so; do
    if needed "$NEAP_BUILD/$product" | grep -E 'curl|microhttpd'; then
        fail "$product loads it at start-up"
    fi
    grep -q 'libcurl\.so\.' "$NEAP_BUILD/$product" || fail "$product does not know libcurl"
done

# Lua modules of the distribution find the API in the command itself.
if needed "$NEAP_BUILD/neap" | grep -E 'lua|cjson|lpeg'; then
    fail "the command has Lua inside"
fi
exported "$NEAP_BUILD/neap" | grep -qx lua_gettop || fail "the command does not export lua_gettop"
