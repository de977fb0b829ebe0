# g8: start-up of the command, above that of `true`: at most 6 ms, and a tenth of node's. Both run an
# empty script; `neap version` would also load libcurl and libmicrohttpd, to ask them for theirs.
# shellcheck shell=bash disable=SC2154

# g8_medians RUNS COMMAND...: wall and CPU milliseconds.
g8_medians() {
    "${on_client[@]}" "$measure" -n "$1" -o "$work/starts" "${@:2}" >/dev/null
    awk '{ print $1 }' "$work/starts" >wall
    awk '{ print $2 + $3 }' "$work/starts" >cpu
    calc "$(median wall) / 1000" '%.3f '
    calc "$(median cpu) / 1000" '%.3f\n'
}

read -r none_wall none_cpu < <(g8_medians 100 true)
: >empty.lua
read -r wall cpu < <(g8_medians 100 "$neap" run empty.lua)
wall=$(calc "$wall - $none_wall" %.2f) cpu=$(calc "$cpu - $none_cpu" %.2f)
tell "start-up above true" "$wall ms, $cpu ms CPU" "$wall" '<=' 6 ' ms'
if command -v node >/dev/null; then
    read -r node_wall _ < <(g8_medians 15 node -e 0)
    node_wall=$(calc "$node_wall - $none_wall" %.1f)
    tell "start-up / node $(node --version), above true" "$wall / $node_wall ms" "$(calc "$wall / $node_wall" %.3f)" '<=' 0.1 x
else
    absent "start-up of node"
fi
