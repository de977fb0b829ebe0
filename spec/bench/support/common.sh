# common.sh: what the rows of spec/bench share; sourced by spec/bench/run.
# shellcheck shell=bash disable=SC2034,SC2154

format=table
neap=
port=
nginx_pid=
work=
connections=4096
cache=${XDG_CACHE_HOME:-$HOME/.cache}/neap-bench
on_server=() # prefixes that put servers and clients on processors of their own
on_client=()

# --- set-up ------------------------------------------------------------------------------------

# prepare: a folder for what is written, a release build, the bench's own programs.
prepare() {
    install_missing "${build_packages[@]}" nginx
    work=$(mktemp -d)
    trap 'stop_nginx; rm -rf "$work"' EXIT
    if (($(nproc) >= 2)) && command -v taskset >/dev/null; then
        on_server=(taskset -c 0)
        on_client=(taskset -c 1)
    fi
    mkdir -p "$root/build/bench/tools"
    if [[ -z $neap ]]; then
        [[ -f $root/build/bench/build.ninja ]] ||
            (cd "$root" && quietly cmake --preset release -B build/bench) || die "cmake failed"
        quietly cmake --build "$root/build/bench" --target neap_cli || die "the build failed"
        neap=$root/build/bench/neap
    fi
    measure=$(tool support/measure)
    # Nothing of this machine's configuration takes part.
    export XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8
    unset NEAP_LUA_DIR
    cd "$work" || return
}

# tool NAME [LIBRARIES...]: compiles spec/bench/NAME.c when it changed; prints where it is.
tool() {
    local source=$bench/$1.c program=$root/build/bench/tools/${1##*/}
    if [[ ! $program -nt $source ]]; then
        gcc -std=c11 -O2 -Wall -Wextra -o "$program" "$source" "${@:2}" || die "$1.c does not compile"
    fi
    printf '%s\n' "$program"
}

# npm_packages NAME...: peers from npm, in a cache outside of the tree. False without node, npm or them.
npm_packages() {
    local missing=() package
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$cache/npm"
    for package in "$@"; do
        [[ -d $cache/npm/node_modules/$package ]] || missing+=("$package")
    done
    export NEAP_BENCH_NPM=$cache/npm
    ((${#missing[@]})) || return 0
    say "Installing from npm: ${missing[*]}"
    (cd "$cache/npm" && quietly timeout 120 npm install --no-audit --no-fund --fetch-retries 1 "${missing[@]}")
}

# npm_version NAME
npm_version() {
    node -p "JSON.parse(fs.readFileSync('$cache/npm/node_modules/$1/package.json')).version"
}

# --- the server --------------------------------------------------------------------------------

# start_nginx [HTTP [SERVER [MAIN]]]: nginx with one worker on a free port, its lines in these blocks;
# `url` and what the vendors of spec/bench/clients need are set. Dies with the shell that started it.
start_nginx() {
    local try
    stop_nginx
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        nginx_conf "$@" >"$work/nginx.conf"
        "${on_server[@]}" setpriv --pdeathsig KILL nginx -e "$work/nginx.log" -p "$work" \
            -c "$work/nginx.conf" &
        nginx_pid=$!
        for _ in {1..50}; do
            kill -0 "$nginx_pid" 2>/dev/null || break
            if [[ -s $work/nginx.pid ]] && (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
                url=http://127.0.0.1:$port
                name_server
                return 0
            fi
            sleep 0.05
        done
        stop_nginx
    done
    cat "$work/nginx.log" >&2
    die "nginx does not start"
}

nginx_conf() {
    cat <<-END
	daemon off;
	master_process off;
	pid $work/nginx.pid;
	error_log $work/nginx.log;
	${3-}
	events { worker_connections $connections; }
	http {
	    access_log off;
	    client_body_temp_path $work/body;
	    proxy_temp_path $work/proxy;
	    fastcgi_temp_path $work/fastcgi;
	    uwsgi_temp_path $work/uwsgi;
	    scgi_temp_path $work/scgi;
	    default_type application/json;
	    keepalive_requests 1000000000;
	    keepalive_timeout 600s;
	    ${1-}
	    server {
	        listen 127.0.0.1:$port;
	        location = /json {
	            return 200 '{"id":7519,"status":"accepted","message":"the record was taken","tags":["a","b","c"],"total":12.5,"created":true,"next":null,"at":"2026-11-21T10:00:00Z","owner":{"name":"Lin Ren","zone":8}}';
	        }
	        ${2-}
	    }
	}
	END
}

# The vendors' settings.
name_server() {
    local vendor
    for vendor in BENCH BENCH_BURST BENCH_LIMITED BENCH_PACED BENCH_PAGES BENCH_WAITING; do
        export "NEAP_${vendor}_BASE_URL=$url" "NEAP_${vendor}_API_KEY=00000000-0000-4000-8000-000000000000"
    done
}

stop_nginx() {
    [[ -n $nginx_pid ]] || return 0
    kill "$nginx_pid" 2>/dev/null || true
    wait "$nginx_pid" 2>/dev/null || true
    nginx_pid=
    rm -f "$work/nginx.pid"
}

# --- measuring ---------------------------------------------------------------------------------

# calc EXPRESSION [FORMAT]
calc() { awk "BEGIN { printf \"${2-%.6g}\", ($1) }"; }

# median FILE: of its numbers.
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# load MODE CALLS IN_FLIGHT: Neap's own load, as a command in `command`.
load() {
    # Millions of calls in a window are counted in memory: what the state file costs is another row.
    command=("$neap" run "$bench/clients/load.lua" --no-state --mode "$1" --calls "$2" --in-flight "$3")
}

# cpu COMMAND...: CPU microseconds of one run on the client's processor.
cpu() {
    "${on_client[@]}" "$measure" -o "$work/cost" "$@" >/dev/null || die "$1 failed"
    awk '{ print $2 + $3 }' "$work/cost"
}

# peak COMMAND...: the most memory of one run, in KiB; what it prints is in the file `printed`.
peak() {
    "${on_client[@]}" "$measure" -o "$work/cost" "$@" >"$work/printed" || die "$1 failed"
    awk '{ print $4 }' "$work/cost"
}

# waiting MEASURE KIND FLOWS: flows that wait, as a command in `command`.
waiting() {
    command=("$neap" run "$bench/clients/waiting.lua" --no-state --progress never --measure "$1" --kind "$2" --flows "$3")
}

# per_call CALLS COMMAND...: CPU microseconds per call of a command in which @ stands for the number of
# calls. The difference of two runs: start-up and connecting do not count.
per_call() {
    local calls=$1 few=$(($1 / 10)) small large
    shift
    small=$(cpu "${@/#@/$few}")
    large=$(cpu "${@/#@/$calls}")
    calc "($large - $small) / ($calls - $few)"
}

# --- telling -----------------------------------------------------------------------------------

version_of() { dpkg-query -W -f='${Version}' "$1" 2>/dev/null || printf 'none'; }

print_machine() {
    local node=none
    ! command -v node >/dev/null || node=$(node --version)
    set -- "$(nproc)" "$(uname -m)" "$(version_of libcurl4)" "$(version_of nginx)" "$node"
    if [[ $format == json ]]; then
        printf '{"cores":%d,"machine":"%s","libcurl":"%s","nginx":"%s","node":"%s"}\n' "$@"
        return
    fi
    printf '%d cores, %s, libcurl %s, nginx %s, node %s\n\n' "$@"
    print_line row what measured reached bar ''
    print_line --- ---- -------- ------- --- ''
}

# Widths in characters, not in bytes.
print_line() {
    local line
    printf -v line '%-6s %-50s %-28s %9s %9s  %s' "$@"
    printf '%s\n' "${line%"${line##*[! ]}"}"
}

# tell WHAT MEASURED REACHED OPERATOR BAR [UNIT]: one line of the table, with its verdict.
tell() {
    local verdict=below sign='≤'
    (($(calc "$3 $4 $5" %d))) && verdict=ok
    [[ $4 == '<=' ]] || sign='≥'
    if [[ $format == json ]]; then
        printf '{"row":"%s","what":"%s","measured":"%s","reached":%s,"sign":"%s","bar":%s,"unit":"%s","verdict":"%s"}\n' \
            "$row" "$1" "$2" "$3" "$4" "$5" "${6-}" "$verdict"
    else
        print_line "$row" "$1" "$2" "$3${6-}" "$sign $5${6-}" "$verdict"
    fi
}

# absent WHAT: what it is compared with is not there.
absent() {
    if [[ $format == json ]]; then
        printf '{"row":"%s","what":"%s","verdict":"absent"}\n' "$row" "$1"
    else
        print_line "$row" "$1" '' '' '' absent
    fi
}
