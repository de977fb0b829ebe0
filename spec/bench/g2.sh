# g2: a Lua vendor call against clients of other languages, JSON both ways, all warm: requests per CPU
# second, as a multiple of theirs.
# shellcheck shell=bash disable=SC2154

start_nginx

# g2_peer PEER CALLS IN_FLIGHT: CPU microseconds per request.
g2_peer() {
    case $1 in
    undici | axios | got) "${on_client[@]}" node "$bench/clients/node.mjs" "$1" "$url/json" "$2" "$3" ;;
    requests) "${on_client[@]}" /usr/bin/python3 "$bench/clients/python_requests.py" "$url/json" "$2" "$3" ;;
    net/http) "${on_client[@]}" "$root/build/bench/tools/net_http" "$url/json" "$2" "$3" ;;
    esac
}

# g2_against PEER VERSION CALLS IN_FLIGHT BAR
g2_against() {
    local ours theirs
    rm -f ours theirs
    for _ in {1..3}; do
        load call @ "$4"
        per_call 15000 "${command[@]}" >>ours
        g2_peer "$1" "$3" "$4" >>theirs
    done
    ours=$(median ours) theirs=$(median theirs)
    tell "per CPU second / $1 $2, $4 in flight" \
        "$(calc "1e6 / $ours" %.0f) / $(calc "1e6 / $theirs" %.0f) requests" \
        "$(calc "$theirs / $ours" %.2f)" '>=' "$5" x
}

if npm_packages undici axios got; then
    g2_against undici "$(npm_version undici)" 15000 16 1.2
    g2_against undici "$(npm_version undici)" 15000 64 1.0
    g2_against axios "$(npm_version axios)" 2500 64 8
    g2_against got "$(npm_version got)" 2500 64 8
else
    absent "node with undici, axios and got"
fi

# Debian's python3 with its requests.
if (install_missing python3-requests) 2>/dev/null; then
    version=$(version_of python3-requests)
    g2_against requests "${version%%+*}" 2560 64 20
else
    absent "python3 with requests"
fi

if command -v go >/dev/null &&
    quietly env GOCACHE="$cache/go" go build -o "$root/build/bench/tools/net_http" "$bench/clients/net_http.go"; then
    g2_against net/http "$(go env GOVERSION | tr -d go)" 15000 64 1.25
else
    absent "Go with net/http"
fi
