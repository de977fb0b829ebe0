#!/bin/sh
# The example hosts, compiled by pkg-config against an installed tree as users do: what they print, how they stop, and
# that valgrind finds nothing in them.
set -eu
tmp=$(mktemp -d)
prefix=$tmp/prefix
cmake --install "$NEAP_BUILD" --prefix "$prefix" >"$tmp/installed"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
unset NEAP_LUA_DIR
cd "$tmp"

# As strict as any host's: what an example needs beyond C11 it says itself.
flags='-std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror'
for example in call poll uv; do
    lines=$(wc -l <"$NEAP_SRC/csrc/examples/$example.c")
    [ "$lines" -lt 100 ] || { echo "$example.c has $lines lines"; exit 1; }
    needs=neap
    [ $example != uv ] || needs='neap libuv'
    # shellcheck disable=SC2046,SC2086
    gcc $flags "$NEAP_SRC/csrc/examples/$example.c" -o $example $(pkg-config --cflags --libs $needs)
done

# A vendor to call.
"$prefix/bin/neap" sandbox --port 0 >server 2>server.log &
server=$!
trap 'kill $server' EXIT
# until_there FILE: it has something in it.
until_there() {
    turns=0
    until [ -s "$1" ]; do
        turns=$((turns + 1))
        [ $turns -lt 600 ] || { echo "waited in vain for $1"; exit 1; }
        sleep 0.1
    done
}
until_there server
NEAP_OPM_BASE_URL=$(sed 's/^listening on //' server)/opm
export NEAP_OPM_BASE_URL NEAP_OPM_API_KEY=00000000-0000-4000-8000-000000000000

cat >answer.lua <<'END'
neap.sleep(0.1)
return { answer = 6 * 7 }
END
cat >ping.lua <<'END'
return assert(neap.vendor "opm":ping {}).message
END
cat >broken.lua <<'END'
local function inner() error "boom" end
inner()
END
# Says when it has begun; the background task would never end by itself.
cat >long.lua <<'END'
neap.background(function() neap.sleep(1e6) end)
local file = assert(io.open("begun", "w"))
file:write "yes"
file:close()
neap.sleep(1)
return "long"
END

# ends CODE COMMAND...: with output in `out` and `err`.
ends() {
    expected=$1 code=0
    shift
    "$@" >out 2>err || code=$?
    [ $code = "$expected" ] || { echo "$*: $code instead of $expected"; cat out err; exit 1; }
}
# same FILE TEXT
same() { [ "$(cat "$1")" = "$2" ] || { echo "$1: $(cat "$1")"; echo "instead of $2"; exit 1; }; }
has() { grep -qF -- "$2" "$1" || { echo "$1 lacks $2:"; cat "$1"; exit 1; }; }
# stops COMMAND...: ends well after SIGTERM, when what runs has ended.
stops() {
    rm -f begun
    "$@" >out 2>err &
    host=$!
    until_there begun
    kill -TERM $host
    code=0
    wait $host || code=$?
    [ $code = 0 ] || { echo "$*: $code after SIGTERM"; cat out err; exit 1; }
    has out long
}

# all [WRAPPER...]: every example, below the wrapper.
all() {
    ends 0 "$@" ./call opm ping
    has out '"message":"pong"'
    ends 1 "$@" ./call opm pong
    has err 'opm: invalid: no endpoint "pong"'
    ends 2 "$@" ./call opm ping customerId
    has err 'usage: '

    ends 0 "$@" ./poll answer.lua ping.lua answer.lua
    sort out >sorted
    same sorted "$(printf 'answer.lua: {"answer":42}\nanswer.lua: {"answer":42}\nping.lua: "pong"')"
    ends 1 "$@" ./poll broken.lua missing.lua answer.lua
    same out 'answer.lua: {"answer":42}'
    has err 'broken.lua: broken.lua:1: boom'
    has err "in local 'inner'"
    has err missing.lua
    stops "$@" ./poll long.lua

    ends 0 "$@" ./uv answer.lua
    has out '{"answer":42}'
    grep -qE '^[2-9] ticks' out || { echo "the timer of the host stood still:"; cat out; exit 1; }
    ends 1 "$@" ./uv broken.lua
    has err 'broken.lua:1: boom'
    stops "$@" ./uv long.lua
}

all
all valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99
