# g5: throttling, judged by nginx's limit_req: ten endpoints with ten requests per second each, for 30 s.
# Utilisation: requests answered with 200 of those that the limit would have let through. Both sides sleep
# most of the time; where that is allowed they get a real-time priority, or other load would be measured.
# shellcheck shell=bash disable=SC2154

install_missing libnginx-mod-http-echo
if chrt -f 10 true 2>/dev/null; then
    on_server=(chrt -f 10 "${on_server[@]}")
    on_client=(chrt -f 10 "${on_client[@]}")
fi

# g5_run VENDOR LIMIT_REQ BEHIND: in `used` and `refused`, percent; in `times`, how often it refused. The
# vendor's definition declares what LIMIT_REQ allows.
g5_run() {
    local zones='' locations='' i
    for i in {0..9}; do
        zones+="limit_req_zone \$server_name zone=z$i:64k rate=10r/s; "
        locations+="location = /p$i { limit_req zone=z$i $2; $3 } "
    done
    start_nginx "log_format bench '\$msec \$request_time \$status \$uri'; limit_req_status 429; $zones" \
        "access_log $work/access.log bench; $locations" \
        "load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;"
    : >"$work/access.log"
    "${on_client[@]}" "$neap" run "$bench/clients/paced.lua" --vendor "$1" --seconds 31 >"$work/paced.out" 2>&1 ||
        { cat "$work/paced.out" >&2; return 1; }
    stop_nginx
    read -r used refused times < <(awk '
        { at[NR] = $1 - $2; status[NR] = $3; if (NR == 1 || at[NR] < first) first = at[NR] }
        END {
            for (i = 1; i <= NR; i++) if (at[i] < first + 30) { seen++; n[status[i]]++ }
            printf "%.2f %.3f %d\n", n[200] / 30, 100 * n[429] / seen, n[429]
        }' "$work/access.log")
}

# g5_tell WHAT UTILISATION REFUSED: the bars.
g5_tell() {
    tell "$1: utilisation" "$(calc "$used * 30" %.0f) of 3000 requests" "$(calc "$used" %.1f)" '>=' "$2" %
    tell "$1: refused with 429" "$times of them" "$(calc "$refused" %.2f)" '<=' "$3" %
}

g5_run bench_burst "burst=1 nodelay" "echo '{}';"
g5_tell "burst of 1" 100 0
g5_run bench_paced "" "echo '{}';"
g5_tell "no burst" 99 0
g5_run bench_burst "burst=1 nodelay" "echo_sleep 0.3; echo '{}';"
g5_tell "answers after 300 ms" 97 0.3
