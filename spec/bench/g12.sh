# g12: how long the loop is held up while flows wait, 16 calls go on and their garbage is collected: how late a timer of
# 1 ms is. Judged is the worst of a collection, the median of some, by the processor's time, which other load stretches
# less; beside it the worst of all by the clock.
# shellcheck shell=bash disable=SC2154

start_nginx "" "location = /busy { return 503 '{\"error\":\"busy\"}'; }"
# A real-time priority would be throttled: this keeps a processor busy.
nice=()
nice -n -20 true 2>/dev/null && nice=(nice -n -20)

# g12_tell KIND WHAT FLOWS COLLECTIONS BAR
g12_tell() {
    local used wall collections
    waiting stall "$1" "$3"
    read -r used wall collections < <("${on_client[@]}" "${nice[@]}" "${command[@]}" --cycles "$4")
    tell "$2, $collections collections" "at most $wall ms by the clock" "$used" '<=' "$5" ' ms'
}

g12_tell delivery "10,000 records in retry waits" 10000 5 10
g12_tell delivery "100,000 records in retry waits" 100000 3 20
g12_tell sleep "10,000 tasks that sleep" 10000 5 10
g12_tell sleep "100,000 tasks that sleep" 100000 3 20
