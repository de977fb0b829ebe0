#!/bin/sh
# scripts/neap: through a symbolic link, from any directory, twice at once, and nothing said when
# there is nothing to do.
set -eu
tmp=$(mktemp -d)
ln -s "$NEAP_SRC/scripts/neap" "$tmp/link"
ln -s link "$tmp/neap"
cd "$tmp"

./neap version >"$tmp/first" 2>"$tmp/first.err" &
first=$!
./neap version >"$tmp/second" 2>"$tmp/second.err"
wait "$first"
cmp "$tmp/first" "$tmp/second"
[ -s "$tmp/first" ]

"$NEAP_SRC/scripts/neap" version >"$tmp/third" 2>"$tmp/third.err"
cmp "$tmp/first" "$tmp/third"
[ ! -s "$tmp/third.err" ]

# The exit code and the working directory are the command's.
code=0
./neap call opm entry customerId=7519 2>/dev/null || code=$?
[ "$code" = 2 ]
