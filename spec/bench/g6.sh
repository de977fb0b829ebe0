# g6: memory on large answers. Peak of a process that walks pages of 200,000 records over HTTP into a file: 16 MiB,
# and no more than 1 MiB above that of fewer pages, or smaller ones. Likewise 250,000 customers of a simulator.
# shellcheck shell=bash disable=SC2154

# shellcheck source=spec/bench/support/pages.sh
source "$bench/support/pages.sh"
start_pages 10000 200000

# g6_tell WHAT PEAK
g6_tell() { tell "$1" "$(calc "$2" %.0f) KiB" "$(calc "$2 / 1024" %.1f)" '<=' 16 ' MiB'; }

# g6_growth WHAT FROM TO: in KiB.
g6_growth() {
    tell "$1" "$2 to $3 KiB" "$(calc "$3 > $2 ? ($3 - $2) / 1024 : 0" %.2f)" '<=' 1 ' MiB'
}

# g6_walk WHAT HOW FORMAT
g6_walk() {
    local one small all
    pages "$2" "$3" 1 200000
    one=$(peak "${command[@]}")
    pages "$2" "$3" 10 10000
    small=$(peak "${command[@]}")
    pages "$2" "$3" 10 200000
    all=$(peak "${command[@]}")
    (($(wc -l <"$work/out.ndjson") == 2000000)) || die "$1: not all records are in the file"
    g6_tell "$1, 10 pages of 200,000" "$all"
    g6_growth "$1, from 1 to 10 pages" "$one" "$all"
    g6_growth "$1, from 10,000 to 200,000 per page" "$small" "$all"
}

# g6_customers WHAT OPTIONS...: 250,000 lines.
g6_customers() {
    local used
    used=$(peak "$neap" call optimove GetCustomersByAction RecipientGroupID=1 ActionID=1250000 Date=2018-03-01 \
        "\$top=200000" --all --no-state "${@:2}")
    (($(wc -l <"$work/printed") == 250000)) || die "$1: not all customers were printed"
    g6_tell "$1, 250,000 customers" "$used"
}

g6_walk "a Lua function per record" record json
g6_walk "a declarative map" map json
g6_walk "a Lua function, XML" record xml
rm -rf "$work/pages" "$work/out.ndjson"

g6_customers "simulator in the process" --sandbox
g6_customers "simulator in the process, XML" --sandbox --set optimove.accept=xml

coproc simulators { exec "$neap" sandbox --port 0 2>/dev/null; }
read -r address <&"${simulators[0]}"
export NEAP_OPTIMOVE_BASE_URL=${address##* }/optimove NEAP_OPTIMOVE_API_KEY=00000000-0000-4000-8000-000000000000
g6_customers "over neap sandbox"
g6_customers "over neap sandbox, XML" --set optimove.accept=xml
kill "$simulators_PID"
