#!/bin/sh
# The rockspec builds the module offline, in a copy of the tree, and a lua5.4 that looks in the rock's tree finds it.
set -eu
tmp=$(mktemp -d)
mkdir "$tmp/source"
cd "$NEAP_SRC"
cp -r CMakeLists.txt LICENSE csrc lua scripts "$tmp/source"
cd "$tmp/source"

rocks() { luarocks --lua-version 5.4 --tree "$tmp/rocks" "$@"; }

rocks lint csrc/neap-scm-1.rockspec
# The server has nothing: there is nothing to get. Without any flags, which is quicker.
CMAKE_BUILD_TYPE=None rocks make --only-server "file://$tmp" csrc/neap-scm-1.rockspec
rocks show --mversion neap | grep -qx scm-1

cd "$tmp"
unset LUA_CPATH NEAP_LUA_DIR
eval "$(rocks path)"
lua5.4 -e '
    assert(package.searchpath("neap", package.cpath):find("/rocks/lib/", 1, true))
    local neap = require "neap"
    assert(neap.run(function() neap.sleep(0.001) return 42 end) == 42)
    assert(not pcall(require, "neap.native.server"), "the rock has the HTTP server inside")
'
rocks remove neap
[ -z "$(find "$tmp/rocks" -name neap.so)" ]
