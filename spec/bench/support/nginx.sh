# nginx.sh: Neap inside nginx, for rows g13 and g14: an nginx with Neap's module and the LuaJIT one, and an upstream.
# shellcheck shell=bash disable=SC2034,SC2154

modules=
upstream=
upstream_pid=
handlers=$bench/clients/nginx

# need_nginx: what is measured with; the module is built beside the command. False without a peer.
need_nginx() {
    (install_missing wrk curl nginx-dev libnginx-mod-http-lua lua-cjson) 2>/dev/null || return 1
    modules=$(nginx -V 2>&1 | grep -o 'modules-path=[^ ]*')
    modules=${modules#*=}
    if [[ $neap == "$root"/build/bench/neap ]]; then
        quietly cmake -S "$root" -B "$root/build/bench" -DNEAP_BUILD_NGINX=ON || die "cmake failed"
        quietly cmake --build "$root/build/bench" --target neap neap_nginx || die "the module does not build"
    fi
    [[ -f ${neap%/*}/ngx_http_neap_module.so ]]
}

# The lines that load both modules.
load_both() {
    printf 'load_module %s;\n' "$modules/ndk_http_module.so" "$modules/ngx_http_lua_module.so" \
        "${neap%/*}/ngx_http_neap_module.so"
}

# start_upstream: what handlers call, /json and, after a second, /slow, on the processor of the clients: what is
# measured has its own. In `upstream`.
start_upstream() {
    local server=("${on_server[@]}")
    on_server=("${on_client[@]}")
    start_nginx "" "location = /slow { content_by_lua_block { ngx.sleep(1) ngx.print('{\"id\":7519}') } }" \
        "$(load_both)"
    on_server=("${server[@]}")
    upstream=$url upstream_pid=$nginx_pid
    nginx_pid=
}

# start_host HTTP SERVER: nginx with both modules, Neap's vendors and `upstream`.
start_host() {
    export NEAP_BENCH_API_KEY=00000000-0000-4000-8000-000000000000
    start_nginx "
        neap_path $bench/clients;
        neap_state off;
        neap_setting bench.base_url ${upstream:-http://127.0.0.1:1};
        neap_setting upstream ${upstream:-http://127.0.0.1:1};
        neap_secret bench.api_key env:NEAP_BENCH_API_KEY;
        ${1-}" "
        location = /plain { return 200 'hello'; }
        ${2-}" "$(load_both)"
}

# press URL SECONDS: 32 connections as fast as they can; what wrk says is in the file `pressed`. Dies unless every
# answer was one.
press() {
    "${on_client[@]}" wrk -t 1 -c 32 -d "$2" --latency "$1" >pressed || die "wrk failed"
    ! grep -E 'Non-2xx|Socket errors' pressed >&2 || die "$1 does not answer"
}

# per_second: of the last press.
per_second() { awk '/^Requests\/sec/ { print $2 }' pressed; }

# percentile N: of its latencies, in microseconds.
percentile() {
    awk -v line="$1%" '$1 == line {
        unit = $2
        sub(/^[0-9.]+/, "", unit)
        print $2 * (unit == "us" ? 1 : unit == "ms" ? 1000 : 1000000)
    }' pressed
}

# all_answered COUNT URL: that many requests at the same time; seconds until the last one has its answer, how many
# were answered with 200.
all_answered() {
    local began=${EPOCHREALTIME/./} ended
    "${on_client[@]}" curl -sS -Z --parallel-immediate --parallel-max 300 --max-time 60 -w '%{http_code}\n' \
        -o /dev/null "$2?[1-$1]" >answers 2>/dev/null || true
    ended=${EPOCHREALTIME/./}
    printf '%s %d\n' "$(calc "($ended - $began) / 1e6" %.2f)" "$(grep -c '^200$' answers)"
}
