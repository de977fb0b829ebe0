# g14: what one worker of nginx stands: requests that wait for an upstream, waits beside which others are answered, and
# more connections than it has.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=spec/bench/support/nginx.sh
source "$bench/support/nginx.sh"

# g14_upstream: 300 requests at the same time, each with a call of a second.
g14_upstream() {
    local seconds answered
    for _ in {1..3}; do
        read -r seconds answered < <(all_answered 300 "$url/slow")
        ((answered == 300)) || die "$answered of 300 requests were answered"
        printf '%s\n' "$seconds" >>waited
    done
    seconds=$(median waited)
    tell "300 requests with an upstream of 1 s" "all answered" "$seconds" '<=' 1.5 ' s'
}

# g14_parked: the 99th percentile of a plain location beside 10,000 waits, and without them, in turn.
g14_parked() {
    local with without alone=$url
    g14_first=$nginx_pid nginx_pid=
    start_host "neap_task $handlers/park.lua;" "location = /live { neap_script $handlers/live.lua; }"
    for _ in {1..300}; do
        (($(curl -s "$url/live") < 10000)) || break
        sleep 0.1
    done
    (($(curl -s "$url/live") >= 10000)) || die "the waits are not there"
    for _ in {1..7}; do
        press "$alone/plain" 2
        percentile 99 >>without
        press "$url/plain" 2
        percentile 99 >>with
    done
    with=$(median with) without=$(median without)
    tell "p99 of a plain location, 10,000 waits / none" "$with / $without µs" \
        "$(calc "$with / $without" %.2f)" '<=' 1.5 x
    stop_nginx
    nginx_pid=$g14_first g14_first='' url=$alone
}

# g14_exhausted: an nginx that has connections for few of them refuses the others, as it does by itself, and goes on.
g14_exhausted() {
    local seconds answered
    stop_nginx
    connections=64
    start_host "" "location = /slow { neap_script $handlers/slow.lua; }"
    connections=4096
    read -r seconds answered < <(all_answered 200 "$url/slow")
    kill -0 "$nginx_pid" 2>/dev/null || die "nginx has died"
    tell "200 requests for 64 connections, then one" "$answered answered, $seconds s" \
        "$(curl -s -o /dev/null -w '%{http_code}' "$url/slow")" '<=' 200
}

g14_first= # an nginx that stays while another one is measured beside it
if need_nginx; then
    start_upstream
    trap 'kill $g14_first $upstream_pid 2>/dev/null || true; stop_nginx' EXIT
    start_host "" "location = /slow { neap_script $handlers/slow.lua; }"
    g14_upstream
    g14_parked
    g14_exhausted
else
    absent "nginx with the LuaJIT module, wrk"
fi
