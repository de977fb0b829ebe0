#!/bin/sh
# libneap in a host that keeps its symbols private, as nginx does beside LuaJIT: there a C module is refused, and it is
# said why. In a host that does not, and in the command, it loads.
set -eu

fail() { echo "$*"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/host.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <neap/neap.h>
#include <stdio.h>
#include <string.h>

#define GET(name) __typeof__(&name) get_##name = (__typeof__(&name))dlsym(library, #name)

static void on_done(void *ud, const neap_result *r) {
    (void)ud;
    printf("%.*s\n", (int)r->len, r->text);
}

/* host LIBRARY SCRIPT private|global */
int main(int argc, char **argv) {
    int flags = argc > 3 && strcmp(argv[3], "private") == 0 ? RTLD_LOCAL | RTLD_DEEPBIND : RTLD_GLOBAL;
    void *library = dlopen(argv[1], RTLD_NOW | flags);
    neap_options options = {.state = ""};
    int script;
    neap *n;
    if (library == NULL) return puts(dlerror()), 1;
    GET(neap_new);
    GET(neap_free);
    GET(neap_load);
    GET(neap_start);
    GET(neap_wait);
    if (get_neap_new(&n, &options) < 0) return 1;
    if (get_neap_load(n, "script", argv[2], strlen(argv[2]), &script) < 0) return 1;
    if (get_neap_wait(n, get_neap_start(n, script, NULL, on_done, NULL)) < 0) return 1;
    get_neap_free(n);
    return 0;
}
C
cat > "$folder/answer.c" <<'C'
#include <lauxlib.h>
int luaopen_answer(lua_State *L);
int luaopen_answer(lua_State *L) {
    lua_pushinteger(L, 42);
    return 1;
}
C
flags=$(pkg-config --cflags lua5.4)
# shellcheck disable=SC2086 # several words
cc -shared -fPIC $flags -o "$folder/answer.so" "$folder/answer.c"
cc -std=gnu11 -Wall -Wextra -Werror -I"$NEAP_SRC/csrc/include" -o "$folder/host" "$folder/host.c" -ldl

# in_host SCRIPT private|global: what the script returns, or its error.
in_host() { "$folder/host" "$NEAP_BUILD/libneap.so" "package.cpath = '$folder/?.so' $1" "$2"; }

got=$(in_host "return (require 'answer')" global) || fail "global host: $got"
[ "$got" = 42 ] || fail "global host: $got"

got=$(in_host "return (require 'answer')" private) || fail "private host: $got"
case $got in
*"module 'answer' not found:"*"C modules cannot be loaded in this host: "*"($folder/answer.so)"*) ;;
*) fail "private host: $got" ;;
esac
got=$(in_host "return (require 'absent')" private) || fail "private host: $got"
case $got in
*"no file '$folder/absent.so'"*) ;;
*) fail "private host, no such module: $got" ;;
esac
got=$(in_host "return { package.loadlib('$folder/answer.so', 'luaopen_answer') == nil, #package.searchers }" private) ||
    fail "private host: $got"
[ "$got" = '[true,4]' ] || fail "private host, loadlib: $got"
# What the library brings along is there.
got=$(in_host "return { require('cjson').encode { 1 }, require('lpeg').type(require('lpeg').P(1)) }" private) ||
    fail "private host: $got"
[ "$got" = '["[1]","pattern"]' ] || fail "private host, own modules: $got"

echo "package.cpath = '$folder/?.so' print((require 'answer'))" > "$folder/script.lua"
got=$("$NEAP_BIN" run "$folder/script.lua" 2>&1) || fail "command: $got"
[ "$got" = 42 ] || fail "command: $got"
