# g1: a Lua vendor call (a coroutine each, JSON both ways, credential, time-outs) against a plain
# libcurl loop in C. PERFORMANCE: CPU at most 1.15 of it at 16 in flight, 1.25 at 64.
# shellcheck shell=bash disable=SC2154

install_missing libcurl4-openssl-dev
loop=$(tool curl_loop -lcurl)
start_nginx

g1_at() {
    local in_flight=$1 bar=$2 ours theirs
    rm -f ours theirs
    for _ in {1..5}; do
        load call @ "$in_flight"
        per_call 20000 "${command[@]}" >>ours
        per_call 20000 "$loop" "$url/json" @ "$in_flight" >>theirs
    done
    ours=$(median ours) theirs=$(median theirs)
    tell "vendor call / plain libcurl, $in_flight in flight" \
        "$(calc "$ours" %.1f) / $(calc "$theirs" %.1f) µs CPU" "$(calc "$ours / $theirs" %.2f)" '<=' "$bar" x
}

g1_at 16 1.15
g1_at 64 1.25
