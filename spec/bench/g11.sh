# g11: what a waiting flow costs, of 100,000: resident memory each. A record of a delivery before its second send has its
# task, its record, its request and the call with what its retries need; a call in a task of its own has no place in a
# delivery; a task that sleeps has only its record. The functions end with their calls, as those of imports and the
# README's do: what goes on after its call keeps a coroutine for that, some 2,000 bytes more.
# shellcheck shell=bash disable=SC2154

start_nginx "" "location = /busy { return 503 '{\"error\":\"busy\"}'; }"

# g11_tell KIND WHAT
g11_tell() {
    local bytes collected
    waiting memory "$1" 100000
    read -r bytes collected < <("${on_client[@]}" "${command[@]}")
    tell "$2" "$bytes B, $collected after a collection" "$(calc "$bytes / 1024" %.2f)" '<=' 2 ' KiB'
}

g11_tell delivery "a record of a delivery, in a retry wait"
g11_tell call "a call in a task of its own, in a retry wait"
g11_tell sleep "a task that sleeps, with a record"
