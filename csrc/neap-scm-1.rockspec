-- The module for a stock lua5.4, built where the sources are: `luarocks --lua-version 5.4 make csrc/neap-scm-1.rockspec`
-- in the root of the repository. The build packages of scripts/setup.sh must be there.
rockspec_format = "3.0"
package = "neap"
version = "scm-1"
source = { url = "." }
description = {
    summary = "Runs integrations with customer-data platforms",
    detailed = "The library of Neap for Lua programs: neap.run at top level, neap.loop inside luv or another event loop.",
    license = "MIT",
}
dependencies = { "lua >= 5.4, < 5.5" }
build = {
    type = "command",
    build_command = "cmake -S . -B build/rock -G Ninja -DNEAP_BUILD_CLI=OFF"
        .. " && cmake --build build/rock --target neap_module",
    install = { lib = { neap = "build/rock/neap.so" } },
}
