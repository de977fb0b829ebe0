# pages.sh: large answers for rows g6 and g7: nginx with pages of records of 88 bytes, in JSON and XML.
# shellcheck shell=bash disable=SC2034,SC2154

# page SIZE PAGE FORMAT: one page of so many records.
page() {
    awk -v size="$1" -v page="$2" -v format="$3" 'BEGIN {
        json = "{\"id\":%d,\"email\":\"user%d@example.com\",\"city\":\"Lodz\",\"score\":%d.5,\"paid\":true}"
        xml = "<Record><id>%d</id><email>user%d@example.com</email><city>Lodz</city><score>%d.5</score><paid>true</paid></Record>"
        is_json = format == "json"
        printf is_json ? "[" : "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ArrayOfRecord>"
        for (i = 0; i < size; i++) {
            if (is_json && i > 0) printf ","
            id = 1000000 + page * size + i
            printf is_json ? json : xml, id, id, id % 90 + 10
        }
        print is_json ? "]" : "</ArrayOfRecord>"
    }'
}

# start_pages SIZE...: ten pages of each size, served for the vendor bench_pages and its peers.
start_pages() {
    local size page format
    for size in "$@"; do
        mkdir -p "$work/pages/$size"
        for format in json xml; do
            for page in {0..9}; do page "$size" "$page" $format >"$work/pages/$size/$((page * size)).$format"; done
        done
    done
    start_nginx "
        map \$arg_skip \$skip { '' 0; default \$arg_skip; }
        map \$http_accept \$ending { ~xml xml; default json; }
        types { application/json json; application/xml xml; }" \
        "location = /records { root $work; try_files /pages/\$arg_top/\$skip.\$ending =404; }"
}

# pages HOW FORMAT PAGES SIZE: Neap's walk as a command in `command`, into the file `out`.
pages() {
    command=("$neap" run "$bench/clients/pages.lua" --no-state --how "$1" --format "$2" --pages "$3" --size "$4" --out "$work/out.ndjson")
}
