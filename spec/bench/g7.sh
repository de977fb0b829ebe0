# g7: ten pages of 200,000 records from nginx into NDJSON with one key renamed, by a Lua function per record and by a
# declarative map, against Node, Python and jq: CPU time for a million records, wall time beside it, and peak memory.
# shellcheck shell=bash disable=SC2154

install_missing jq curl
# shellcheck source=spec/bench/support/pages.sh
source "$bench/support/pages.sh"
start_pages 200000

SLOW_PAGES=2 # of jq and Python, which need as long for each page

# g7_command WHO PAGES: in `command`.
g7_command() {
    case $1 in
    record | map) pages "$1" json "$2" 200000 ;;
    node) command=(node "$bench/clients/pages.mjs") ;;
    python) command=(/usr/bin/python3 "$bench/clients/pages.py") ;;
    jq) command=(sh "$bench/clients/pages_jq.sh") ;;
    esac
    [[ $1 == record || $1 == map ]] || command+=("$url" "$2" 200000 "$work/out.ndjson")
}

# g7_check WHO: all make the same records of a page, in whatever order their keys are.
g7_check() {
    local sum
    g7_command "$1" 1
    "${command[@]}" >/dev/null 2>&1 || die "$1 failed"
    sum=$(jq -cS . "$work/out.ndjson" | sha256sum)
    [[ $sum == "${expected:=$sum}" ]] || die "$1: other records than before"
}

# g7_run WHO PAGES: seconds of CPU and wall for a million records, added to files; KiB.
g7_run() {
    g7_command "$1" "$2"
    "${on_client[@]}" "$measure" -o cost "${command[@]}" >/dev/null 2>&1 || die "$1 failed"
    awk -v who="$1" -v million="$(calc "$2 / 5")" '{
        print ($2 + $3) / 1e6 / million >>who ".cpu"; print $1 / 1e6 / million >>who ".wall"; print $4 >>who ".kib"
    }' cost
}

# g7_against OURS THEIRS NAME BAR
g7_against() {
    tell "CPU, $3 / ${ours[$1]}" \
        "$(calc "$(median "$2.cpu")" %.2f) / $(calc "$(median "$1.cpu")" %.2f) s, wall $(calc "$(median "$2.wall")" %.2f) / $(calc "$(median "$1.wall")" %.2f)" \
        "$(calc "$(median "$2.cpu") / $(median "$1.cpu")" %.2f)" '>=' "$4" x
}

# g7_memory OURS THEIRS NAME
g7_memory() {
    tell "memory, ${ours[$1]} / $3" "$(calc "$(median "$1.kib") / 1024" %.1f) / $(calc "$(median "$2.kib") / 1024" %.0f) MiB" \
        "$(calc "$(median "$1.kib") / $(median "$2.kib")" %.3f)" '<=' 0.1 x
}

declare -A ours=([record]="Lua per record" [map]="map")
peers=(python jq)
if command -v node >/dev/null; then peers+=(node); else absent "node"; fi
expected=
for who in record map "${peers[@]}"; do g7_check "$who"; done
for _ in {1..3}; do
    for who in record map "${peers[@]}"; do
        case $who in
        jq | python) g7_run "$who" $SLOW_PAGES ;;
        *) g7_run "$who" 10 ;;
        esac
    done
done

declare -A bars=([node]=1.25 [python]=2.3 [jq]=2.5)
for who in "${peers[@]}"; do
    g7_against record "$who" "$who" "${bars[$who]}"
    g7_memory record "$who" "$who"
done
if [[ -s node.cpu ]]; then
    g7_against map node node 4
    g7_memory map node node
fi
