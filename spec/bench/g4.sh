# g4: the whole pipeline (a delivery with limits, retry accounting, order per key, log) over a bare Lua
# request with JSON both ways; and what one call costs in user instructions and system calls.
# shellcheck shell=bash disable=SC2154

install_missing valgrind strace
start_nginx

g4_cpu() {
    local bare whole
    rm -f bare whole
    for _ in {1..5}; do
        load bare @ 64
        per_call 15000 "${command[@]}" >>bare
        load pipeline @ 64
        per_call 15000 "${command[@]}" >>whole
    done
    bare=$(median bare) whole=$(median whole)
    tell "delivery over a bare request, 64 in flight" \
        "$(calc "$whole" %.1f) / $(calc "$bare" %.1f) µs CPU" "$(calc "($whole / $bare - 1) * 100" %+.0f)" '<=' 35 %
}

# g4_instructions MODE CALLS: of the whole run.
g4_instructions() {
    load "$1" "$2" 64
    valgrind -q --tool=callgrind --callgrind-out-file="$work/callgrind" "${command[@]}" >/dev/null 2>&1
    awk '/^summary:/ { print $2 }' "$work/callgrind"
}

# g4_syscalls MODE CALLS: of the whole run.
g4_syscalls() {
    load "$1" "$2" 64
    "${on_client[@]}" strace -f -c -S calls -o "$work/strace" "${command[@]}" >/dev/null
    awk '$NF == "total" { print $4 }' "$work/strace"
}

# g4_difference COUNTER MODE FEW MANY: per call.
g4_difference() {
    local few many
    few=$("$1" "$2" "$3")
    many=$("$1" "$2" "$4")
    calc "($many - $few) / ($4 - $3)"
}

g4_cpu
bare=$(g4_difference g4_instructions bare 200 1000)
whole=$(g4_difference g4_instructions pipeline 200 1000)
tell "user instructions per delivered call" "$(calc "$whole / 1000" '%.1f k'), bare $(calc "$bare / 1000" '%.1f k')" \
    "$(calc "$whole / 1000" %.1f)" '<=' 150 ' k'
bare=$(g4_difference g4_syscalls bare 1000 5000)
whole=$(g4_difference g4_syscalls pipeline 1000 5000)
tell "system calls per delivered call" "$(calc "$whole" %.2f), bare $(calc "$bare" %.2f)" \
    "$(calc "$whole" %.2f)" '<=' 6
