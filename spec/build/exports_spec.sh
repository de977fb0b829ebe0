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

declared=$(grep -ohE 'neap_[a-z_]+\(' "$NEAP_SRC"/csrc/include/neap/*.h | tr -d '(' | sort -u)
for symbol in $(exported "$NEAP_BUILD/libneap.so"); do
    echo "$declared" | grep -qx "$symbol" || fail "libneap.so exports $symbol, no header has it"
done
for symbol in neap_new neap_free neap_load neap_start neap_poll_fd neap_timeout_ms neap_dispatch \
    neap_live; do
    exported "$NEAP_BUILD/libneap.so" | grep -qx "$symbol" || fail "libneap.so lacks $symbol"
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
