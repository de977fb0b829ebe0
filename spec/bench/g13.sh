# g13: handlers inside nginx, 32 connections of wrk, all in one nginx with one worker: Neap's against those of the
# LuaJIT module. Without an upstream, and with one call of it: JSON both ways, kept-alive connections.
# shellcheck shell=bash disable=SC2154
# shellcheck source=spec/bench/support/nginx.sh
source "$bench/support/nginx.sh"

# g13_against WHAT OURS THEIRS BAR: requests per second, in turn.
g13_against() {
    local ours theirs
    rm -f ours theirs
    for _ in {1..5}; do
        press "$url/$2" 3
        per_second >>ours
        press "$url/$3" 3
        per_second >>theirs
    done
    ours=$(median ours) theirs=$(median theirs)
    tell "$1" "$(calc "$ours" %.0f) / $(calc "$theirs" %.0f) per second" "$(calc "$ours / $theirs" %.2f)" '>=' "$4" x
}

if need_nginx; then
    start_upstream
    trap 'kill $upstream_pid 2>/dev/null || true; stop_nginx' EXIT
    # LuaJIT's module takes a host by its address and port.
    address=${upstream#http://}
    start_host "
        init_by_lua_block { package.path = '$cache/lua/?.lua;' .. package.path }" "
        set \$upstream_host ${address%:*};
        set \$upstream_port ${address#*:};
        location = /neap/hello { neap_script $handlers/hello.lua; }
        location = /neap/call { neap_script $handlers/call.lua; }
        location = /luajit/hello { content_by_lua_block { ngx.print('hello') } }
        location = /luajit/cosocket { content_by_lua_file $handlers/cosocket.lua; }
        location = /luajit/resty { content_by_lua_file $handlers/resty.lua; }
        location = /luajit/has-resty { content_by_lua_block { ngx.exit(pcall(require, 'resty.http') and 200 or 404) } }"
    for path in neap/hello neap/call luajit/hello luajit/cosocket; do press "$url/$path" 1; done # warm
    g13_against "hello / content_by_lua" neap/hello luajit/hello 0.60
    if curl -sf "$url/luajit/has-resty" >/dev/null; then
        press "$url/luajit/resty" 1
        g13_against "one vendor call / lua-resty-http" neap/call luajit/resty 1.0
    else
        absent "lua-resty-http"
    fi
    g13_against "one vendor call / raw cosocket" neap/call luajit/cosocket 0.45
else
    absent "nginx with the LuaJIT module, wrk"
fi
