#!/usr/bin/env bash
# Builds, runs, tests and installs the image gateway. ./build.sh help says what it can do.
set -euo pipefail

started_in=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

module=ngx_http_image_gateway_module.so
nginx_dev=/usr/share/nginx/src # where the package nginx-dev puts nginx's headers and configure
PATH=$PATH:/usr/sbin:/sbin     # nginx is not in an ordinary user's PATH

usage() {
    cat <<'END'
Usage: ./build.sh [COMMAND]

  (nothing), build      build the module for the distribution's nginx: build/ngx_http_image_gateway_module.so
  --nginx-source DIR [--with-nginx]
                        build it for the nginx source tree DIR (1.22 to 1.31): build/nginx-VERSION/…;
                        with --with-nginx that nginx itself, too
  run                   build if needed and serve examples/quickstart.conf on 127.0.0.1:8080 until Ctrl-C
                        (another port: PORT=9000 ./build.sh run)
  test [ARG …]          all tests; ARGs go to pytest. SUITES="source unit http http-asan sdk cost" chooses among them; cost compares
                        instructions, allocations and system calls of a request with t/cost/budgets.json
  bench [ARG …]         CPU time to understand and to admit a request, of the gateway beside plain proxy_pass, what a
                        primary that answers only 429 costs, what slow readers and waiting requests cost in
                        memory, and what a second worker brings (--quick, --check)
  chaos [--quick] [NAME …]
                        reloads, upgrades and kills under load, slow readers, endless providers, and what else is in t/chaos:
                        half an hour, or with --quick a few seconds each; prints a line of figures for each
  fuzz [SECONDS]        run every fuzz target for that long each (60)
  install               put module and examples where the distribution's nginx finds them (honours DESTDIR)
  key [mint] ID [FILE]  mint a virtual key and print its secret once; with FILE (keys.json) add it there
  key list FILE         which keys there are, and what they may
  key revoke ID FILE    take one away; all three are installed as image-gateway-key, too
  docs                  write docs/providers.md from the catalogue
  lint                  formatting of everything, clang-tidy on what changed (ALL=1: on everything)
  format                reformat src and t
  clean                 remove build/
  help                  this text

What a command needs and the machine lacks, it installs with apt-get, and says so first.
END
}

say() { printf '%s\n' "$@"; } # one line for each argument

fail() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

elapsed() { printf '%s s' "$((SECONDS - $1))"; }

# ---- packages ----------------------------------------------------------------------------------------

has_package() {
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

offers_package() { [[ -n $(apt-cache search --names-only "^$1\$") ]]; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

can_be_root() { ((EUID == 0)) || command -v sudo >/dev/null; }

need_packages() {
    local missing=() package
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null || fail "this needs ${missing[*]} (Debian's names), and there is no apt-get here."
    can_be_root || fail "packages are missing. As root: apt-get install ${missing[*]}"

    say "Installing with apt-get: ${missing[*]}"
    update_package_lists
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}" >>build/apt.log 2>&1 ||
        fail "apt-get could not install ${missing[*]}: $(grep -m1 '^E:' build/apt.log || echo 'see build/apt.log')"
}

update_package_lists() {
    [[ -z ${package_lists_are_fresh:-} ]] || return 0
    mkdir -p build
    as_root apt-get update >build/apt.log 2>&1 ||
        say "apt-get update failed (see build/apt.log); going on with the package lists as they are."
    package_lists_are_fresh=yes
}

# to build against; the distribution's nginx comes on top
libraries=(build-essential libyajl-dev libcurl4-openssl-dev libssl-dev libpng-dev libsqlite3-dev libexpected-dev zlib1g-dev
    ca-certificates)

need_distribution_nginx() {
    local elsewhere="Give the source of your nginx instead: ./build.sh --nginx-source DIR"
    if ! has_package nginx-dev && ! offers_nginx_dev; then
        fail "the module is built against Debian's package nginx-dev (Debian 12 or newer), which this system does not offer. $elsewhere"
    fi
    command -v nginx >/dev/null || libraries+=(nginx)
    need_packages "${libraries[@]}" nginx-dev

    local installed headers
    installed=$(nginx -v 2>&1 | sed -n 's|.*nginx/\([0-9.]*\).*|\1|p')
    headers=$(nginx_version $nginx_dev)
    [[ $installed == "$headers" ]] ||
        fail "nginx is $installed but nginx-dev is for $headers, so the module would not load. $elsewhere"
}

offers_nginx_dev() {
    command -v apt-cache >/dev/null || return 1
    offers_package nginx-dev || { can_be_root && update_package_lists && offers_package nginx-dev; }
}

# ---- the module --------------------------------------------------------------------------------------

nginx_version() { sed -n 's/.*define NGINX_VERSION *"\(.*\)".*/\1/p' "$1/src/core/nginx.h"; }

# The tree is used through links, so that configure and make write nothing into it.
link_nginx_tree() { # FROM INTO
    mkdir -p "$2"
    local entry
    for entry in auto conf configure contrib html man src; do
        if [[ -e $1/$entry ]]; then
            ln -sfn "$1/$entry" "$2/$entry"
        fi
    done
    # nginx's repository keeps configure in auto/
    [[ -e $1/configure ]] || ln -sfn auto/configure "$2/configure"
}

# Everything that decides what the compiler does. Other flags or another nginx: all objects anew.
# Other sources or another config: only configure again.
configure_nginx() { # TREE FLAG …
    local tree=$1 flags sources
    shift
    flags=$(printf '%s\n' "$@" "${IMAGE_GATEWAY_CFLAGS:-}" "${IMAGE_GATEWAY_LDFLAGS:-}" "$(readlink "$tree/src")" \
        "$(cksum <"$tree/src/core/nginx.h")" "$(dpkg-query -W nginx-dev 2>/dev/null || true)" "$(cc --version)")
    sources=$(
        find src -name '*.cc' | LC_ALL=C sort
        cksum config config.make
        grep -l IMAGE_GATEWAY_CATALOG -r src --include='*.cc' || true
    )
    if [[ ! -e $tree/objs/flags || $(<"$tree/objs/flags") != "$flags" ]]; then
        rm -rf "$tree/objs"
    elif [[ -e $tree/objs/sources && $(<"$tree/objs/sources") == "$sources" ]]; then
        return 0
    fi

    mkdir -p "$tree/objs/before"
    cp -p "$tree"/objs/ngx_auto_*.h "$tree/objs/before" 2>/dev/null || true
    if ! (cd "$tree" && ./configure "$@" --add-dynamic-module="$root") >"$tree/configure.log" 2>&1; then
        fail "configuring nginx failed: $(grep -m1 'error' "$tree/configure.log" || echo "see $tree/configure.log")"
    fi
    keep_if_same "$tree"/objs/before/*.h
    printf '%s\n' "$sources" >"$tree/objs/sources"
    printf '%s\n' "$flags" >"$tree/objs/flags"
}

# configure writes its headers again, and every object depends on them: one that says the same stays as old.
keep_if_same() { # objs/before/HEADER …
    local header
    for header in "$@"; do
        if [[ -e $header ]] && cmp -s "$header" "${header/before\//}"; then
            mv "$header" "${header/before\//}"
        fi
    done
}

compile_module() { # TREE TARGET …
    local tree=$1 wanted process
    shift
    wanted=$(make -C "$tree" -f objs/Makefile -n "$@" 2>/dev/null | grep -c -- ' -c -fPIC') || true
    touch "$tree/started"
    make -C "$tree" -f objs/Makefile -j"$(nproc)" "$@" >"$tree/make.log" 2>&1 &
    process=$!
    show_progress $process "$tree" "$wanted"
    wait $process && return 0
    grep -E -A4 ': (fatal )?error: |undefined reference|cannot find' "$tree/make.log" | head -n 60 >&2
    fail "the build failed; everything the compiler said is in $tree/make.log"
}

show_progress() { # PROCESS TREE OBJECTS
    local seconds=0 ready
    while kill -0 "$1" 2>/dev/null; do
        sleep 0.5
        if ((++seconds % 20 == 0)); then # of half seconds
            ready=$(find "$2/objs/addon" -name '*.o' -newer "$2/started" | wc -l)
            say "  $ready of $3 files compiled …"
        fi
    done
}

# Builds one tree and leaves the module in OUT. One build of a tree at a time.
build_module() { # FROM TREE OUT "TARGET …" FLAG …
    local from=$1 tree=$2 out=$3 targets since=$SECONDS
    read -r -a targets <<<"$4"
    shift 4
    [[ $root != *[[:space:]]* ]] || fail "nginx cannot build a module in a directory with a space in its name: $root"
    link_nginx_tree "$from" "$tree"
    (
        flock 9
        configure_nginx "$tree" "$@"
        if make -C "$tree" -f objs/Makefile -q "${targets[@]}" >/dev/null 2>&1 && [[ $out -nt $tree/objs/$module ]]; then
            return 0
        fi
        say "Building $out for nginx $(nginx_version "$tree") (all of it takes one to three minutes on two cores) …"
        compile_module "$tree" "${targets[@]}"
        # a new file, not new contents: a running nginx keeps the old one mapped
        install -m 644 "$tree/objs/$module" "$out.new"
        mv "$out.new" "$out"
        say "Built in $(elapsed "$since")."
    ) 9>"$tree/lock"
}

build_for_distribution() {
    need_distribution_nginx
    local NGX_CONF_FLAGS=()
    # shellcheck source=/dev/null
    source $nginx_dev/conf_flags
    build_module $nginx_dev build/nginx build/$module modules "${NGX_CONF_FLAGS[@]}" \
        --with-cc-opt="$(dpkg-buildflags --get CFLAGS) $(dpkg-buildflags --get CPPFLAGS)" \
        --with-ld-opt="$(dpkg-buildflags --get LDFLAGS) -Wl,-z,now"
}

# For the distribution's nginx, too; it is loaded with libasan and libstdc++ preloaded.
build_with_sanitizers() {
    need_distribution_nginx
    local NGX_CONF_FLAGS=() sanitizers='-fsanitize=address,undefined'
    # shellcheck source=/dev/null
    source $nginx_dev/conf_flags
    IMAGE_GATEWAY_CFLAGS="$sanitizers -D_GLIBCXX_ASSERTIONS -Wno-error" IMAGE_GATEWAY_LDFLAGS=$sanitizers \
        build_module $nginx_dev build/asan build/asan/$module modules "${NGX_CONF_FLAGS[@]}" \
        --with-cc-opt='-O1 -g1 -fno-omit-frame-pointer'
}

build_for_source() { # DIR [--with-nginx]
    local dir wanted=modules tree
    dir=$(cd "$started_in" && cd "${1:-/nonexistent}" 2>/dev/null && pwd) ||
        fail "--nginx-source needs the directory of an nginx source tree."
    [[ -e $dir/src/core/nginx.h ]] || fail "$dir is not an nginx source tree: it has no src/core/nginx.h"
    case ${2:-} in
        '') ;;
        --with-nginx) wanted='binary modules' ;;
        *) fail "--nginx-source DIR knows only --with-nginx, not $2" ;;
    esac
    if command -v dpkg-query >/dev/null; then
        need_packages "${libraries[@]}" libpcre2-dev
    fi

    tree=build/nginx-$(nginx_version "$dir")
    build_module "$dir" "$tree" "$tree/$module" "$wanted" --with-compat --with-threads --with-debug \
        --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
        --with-http_auth_request_module --with-http_stub_status_module --with-cc-opt='-O2 -g'
    say "Module: $tree/$module"
    if [[ $wanted == binary* ]]; then
        cp -f "$tree/objs/nginx" "$tree/nginx"
        say "nginx:  $tree/nginx"
    fi
}

# ---- run ---------------------------------------------------------------------------------------------

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

run() {
    local port=${PORT:-8080}
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536 ]] || fail "PORT is a number from 1 to 65535, not '$port'."
    if answers "$port"; then
        fail "port $port is already in use. Choose another: PORT=$((port < 65535 ? port + 1 : 8080)) ./build.sh run"
    fi
    build_for_distribution

    run_dir=$(mktemp -d)
    nginx_pid=
    trap stop_running EXIT
    trap 'exit 0' INT TERM HUP
    chmod 711 "$run_dir" # the workers of root are another user, and have their temporary files here
    write_run_conf "$port" "$run_dir"

    nginx -e stderr -p "$run_dir" -c "$run_dir/nginx.conf" -g "daemon off; pid $run_dir/nginx.pid;" &
    nginx_pid=$!
    wait_for_listener "$port"
    explain_run "http://127.0.0.1:$port/v1/images/generations"
    wait $nginx_pid || fail "nginx stopped by itself; its last lines are above."
}

# quickstart.conf is written for people to copy; here it gets our module, our port and our own files.
write_run_conf() { # PORT DIR
    local paths="access_log off;" temp
    for temp in client_body proxy fastcgi uwsgi scgi; do
        paths+=" ${temp}_temp_path $2/$temp;"
    done
    sed -e "s|^load_module .*|load_module $root/build/$module;|" \
        -e "s|listen 127.0.0.1:8080;|listen 127.0.0.1:$1;|" \
        -e "s|^http {|&\n    $paths|" examples/quickstart.conf >"$2/nginx.conf"
}

wait_for_listener() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 $nginx_pid 2>/dev/null || fail "nginx did not start; it says why above."
        if [[ -s $run_dir/nginx.pid ]] && answers "$1"; then
            return 0
        fi
        sleep 0.1
    done
    fail "nginx did not listen on port $1 within ten seconds."
}

explain_run() { # URL
    local request="curl -s $1 -H 'Content-Type: application/json' -d '{\"prompt\":\"a red kite over dunes\"}'"
    local picture="grep -o '\"b64_json\": *\"[^\"]*' | cut -d'\"' -f4 | base64 -d > kite.png"
    if command -v jq >/dev/null; then
        picture="jq -r '.data[0].b64_json' | base64 -d > kite.png"
    fi
    cat <<END

The gateway is listening. Ask it for a picture, from another terminal:

$request

The same, and the picture saved as kite.png:

$request | $picture

Ctrl-C stops it.
END
}

stop_running() {
    if [[ -n $nginx_pid ]]; then
        kill -TERM "$nginx_pid" 2>/dev/null || true
        wait "$nginx_pid" 2>/dev/null || true
    fi
    rm -rf "$run_dir"
}

# ---- test --------------------------------------------------------------------------------------------

run_tests() { # pytest's arguments
    local suite since ended
    totals=(0 0 0)
    report=()
    rm -rf build/test
    mkdir -p build/test
    trap sum_up EXIT

    need_packages cmake ninja-build libgtest-dev openssl curl jq
    if has_suite http || has_suite sdk || has_suite cost; then
        build_for_distribution
    else
        need_distribution_nginx
    fi
    prepare_python
    for suite in ${SUITES:-source unit http http-asan sdk cost}; do
        say "" "==== $suite"
        since=$SECONDS
        ended=0
        run_suite "$suite" "$@" || ended=$?
        # pytest says 5 when its arguments select nothing in a suite
        if ((ended == 5 && $# > 0)); then
            ended=0
        fi
        count_suite "$suite" "$ended" "$(elapsed $since)"
    done
}

has_suite() { [[ " ${SUITES:-source unit http http-asan sdk cost} " == *" $1 "* ]]; }

run_suite() { # SUITE, pytest's arguments
    case $1 in
        source) source_tests "${@:2}" ;;
        unit) unit_tests ;;
        http) http_tests "${@:2}" ;;
        http-asan) http_tests_with_sanitizers "${@:2}" ;;
        sdk) sdk_tests "${@:2}" ;;
        cost) cost_tests "${@:2}" ;;
        *) fail "there is no suite '$1'; there are source, unit, http, http-asan, sdk and cost." ;;
    esac
}

# However the tests end, the last line says how.
sum_up() {
    local ended=$?
    if ((ended != 0 && totals[1] == 0)); then
        totals[1]=1
    fi
    say "" "${report[@]}"
    say "${totals[0]} passed, ${totals[1]} failed, ${totals[2]} skipped"
    ((totals[0] > 0 && totals[1] == 0)) || exit 1
}

# Reads build/test/SUITE.xml, or one of each program (JUnit). A suite that broke without saying which test is one failure.
count_suite() { # SUITE EXIT-CODE TIME
    local counts=(0 0 0) reports
    mapfile -t reports < <(compgen -G "build/test/$1.xml" || compgen -G "build/test/$1-*_tests-*.xml")
    if ((${#reports[@]})); then
        read -r -a counts < <(junit_counts "${reports[@]}")
    fi
    if (($2 != 0 && counts[1] == 0)); then
        say "The suite $1 broke (exit code $2); that counts as one failure."
        counts[1]=1
    fi
    report+=("$(printf '%-10s %5d passed %5d failed %5d skipped %8s' "$1" "${counts[@]}" "$3")")
    totals=($((totals[0] + counts[0])) $((totals[1] + counts[1])) $((totals[2] + counts[2])))
}

junit_counts() {
    python3 - "$@" <<'END'
import sys, xml.etree.ElementTree as junit
cases = [case for report in sys.argv[1:] for case in junit.parse(report).iter("testcase")]
failed = sum(any(child.tag in ("failure", "error") for child in case) for case in cases)
skipped = sum(case.find("skipped") is not None for case in cases)
print(len(cases) - failed - skipped, failed, skipped)
END
}

# What docs and comments cite, and which way the includes run.
source_tests() { build/venv/bin/python -m pytest -q t/source --junitxml=build/test/source.xml "$@"; }

# Where the module with sanitizers is needed too, its objects are what the tests are linked with.
unit_tests() {
    local objects=
    if has_suite http-asan; then
        build_with_sanitizers || return
        objects=$root/build/asan/objs/addon
    fi
    cmake -S t -B build/unit -G Ninja -DOBJECTS="$objects" >build/test/cmake.log || return
    cmake --build build/unit || return
    run_unit_tests
}

# Each program once for every processor, with its share of the tests: to start one for each test takes longer.
run_unit_tests() {
    local program shards shard process ended=0 running=()
    shards=$(nproc)
    export UBSAN_OPTIONS=halt_on_error=1 GTEST_BRIEF=1 GTEST_TOTAL_SHARDS=$shards
    for program in build/unit/*_tests; do
        for ((shard = 0; shard < shards; shard++)); do
            GTEST_SHARD_INDEX=$shard GTEST_OUTPUT=xml:build/test/unit-${program##*/}-$shard.xml "$program" &
            running+=($!)
        done
    done
    for process in "${running[@]}"; do
        wait "$process" || ended=1
    done
    return $ended
}

# Files of tests side by side, one for each processor; the tests of a file stay in their order.
side_by_side=(-n "$(nproc)" --dist loadfile)

# Workers of a real installation have no privileges: those of this suite neither. The tests of dialects are
# about what goes over the wire, whoever sends it: where the suite with sanitizers runs them too, once is enough.
http_tests() {
    local user=() left_out=()
    if has_suite http-asan; then
        left_out=(--ignore=t/http/test_dialects.py)
    fi
    if ((EUID == 0)); then
        user=(TEST_USER=nobody)
    fi
    env "${user[@]}" MODULE="$root/build/$module" \
        build/venv/bin/python -m pytest t/http "${side_by_side[@]}" "${left_out[@]}" --junitxml=build/test/http.xml "$@"
}

# Without those that are about the fakes alone.
http_tests_with_sanitizers() {
    build_with_sanitizers || return
    env MODULE="$root/build/asan/$module" \
        SANITIZER_PRELOAD="$(gcc -print-file-name=libasan.so):$(realpath "$(gcc -print-file-name=libstdc++.so.6)")" \
        build/venv/bin/python -m pytest t/http "${side_by_side[@]}" --ignore=t/http/test_fakes.py \
        --ignore=t/http/test_harness.py --junitxml=build/test/http-asan.xml "$@"
}

# The Node half of the suite runs in a copy, so that node_modules stays out of the tree.
sdk_tests() {
    prepare_node || return
    env MODULE="$root/build/$module" SDK_NODE_DIR="$root/build/sdk" \
        build/venv/bin/python -m pytest t/sdk --junitxml=build/test/sdk.xml "$@"
}

# One after another, and with what they print: valgrind counts, and no clock has a say.
cost_tests() {
    need_packages valgrind
    env MODULE="$root/build/$module" \
        build/venv/bin/python -m pytest -s t/cost --junitxml=build/test/cost.xml "$@"
}

prepare_python() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3 python3-venv
    local wanted
    wanted=$(cat t/requirements.txt)
    if [[ -e build/venv/requirements.txt && $(<build/venv/requirements.txt) == "$wanted" ]]; then
        return 0
    fi
    say "Installing with pip into build/venv: $(sed 's/[ #].*//' t/requirements.txt | paste -sd' ')"
    rm -rf build/venv
    python3 -m venv build/venv
    build/venv/bin/pip install -q --disable-pip-version-check -r t/requirements.txt ||
        fail "pip could not install t/requirements.txt."
    printf '%s\n' "$wanted" >build/venv/requirements.txt
}

prepare_node() {
    [[ -n $(command -v node) && -n $(command -v npm) ]] || need_packages nodejs npm
    mkdir -p build/sdk
    find t/sdk/node -maxdepth 1 -type f -exec cp -t build/sdk {} +
    if cmp -s build/sdk/package-lock.json build/sdk/node_modules/.installed-lock; then
        return 0
    fi
    say "Installing with npm into build/sdk what t/sdk/node/package-lock.json lists"
    npm ci --prefix build/sdk --no-audit --no-fund --loglevel=error || return
    cp build/sdk/package-lock.json build/sdk/node_modules/.installed-lock
}

bench() {
    local ended=0
    need_packages wrk cmake ninja-build libbenchmark-dev
    build_for_distribution
    python3 t/bench/core.py "$@" || ended=1
    MODULE=$root/build/$module python3 t/bench/proxy_vs_gateway.py "$@" || ended=1
    MODULE=$root/build/$module python3 t/bench/storm.py "$@" || ended=1
    MODULE=$root/build/$module python3 t/bench/memory.py "$@" || ended=1
    MODULE=$root/build/$module python3 t/bench/parked.py "$@" || ended=1
    MODULE=$root/build/$module python3 t/bench/workers.py "$@" || ended=1
    return $ended
}

# MODULE names another module than the one that is built, such as one of an older commit.
chaos() {
    [[ -n ${MODULE:-} ]] || build_for_distribution
    prepare_python
    env MODULE="${MODULE:-$root/build/$module}" build/venv/bin/python t/chaos/run.py "$@"
}

# ---- install -----------------------------------------------------------------------------------------

install_module() {
    local modules to=${DESTDIR:-}
    [[ -n $to || $EUID -eq 0 ]] || fail "installing needs root: sudo ./build.sh install"
    build_for_distribution
    modules=$(nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')

    install_stripped build/$module "$to$modules/$module" "$to"
    install -D -m 755 src/tools/image-gateway-key "$to/usr/bin/image-gateway-key"
    say "$to$modules/$module" "$to/usr/bin/image-gateway-key"

    local conf=/usr/share/nginx/modules-available/mod-http-image-gateway.conf
    local link=/etc/nginx/modules-enabled/50-mod-http-image-gateway.conf
    install -d "$to${conf%/*}" "$to${link%/*}"
    say "load_module modules/$module;" >"$to$conf"
    ln -sfn $conf "$to$link"
    say "$to$conf" "$to$link"

    local images=/etc/nginx/images
    install_unless_changed src/core/catalog/catalog.json "$to$images/catalog.json.example"
    install_unless_changed examples/openai-with-fallback.conf "$to$images/openai-with-fallback.conf.example"

    say "" "nginx loads the module when it is started. If it is running, restart it (systemctl restart nginx):" \
        "a mere reload would go on with the code that it has."
}

# The module without its symbols, and these where debuggers look for them.
install_stripped() { # MODULE TO DESTDIR
    local id symbols
    id=$(readelf -n "$1" | sed -n 's/.*Build ID: *//p')
    symbols=$3/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug
    install -D -m 644 "$1" "$2.new"
    install -d "${symbols%/*}"
    objcopy --only-keep-debug "$1" "$symbols"
    objcopy --strip-unneeded --add-gnu-debuglink="$symbols" "$2.new"
    mv "$2.new" "$2"
    say "$symbols"
}

# /etc belongs to the people of the machine: what they have changed stays theirs.
install_unless_changed() { # FILE TO
    if [[ -e $2 ]] && ! cmp -s "$1" "$2"; then
        say "$2 (left as it is: it differs from ours)"
        return 0
    fi
    install -D -m 644 "$1" "$2"
    say "$2"
}

# ---- key ---------------------------------------------------------------------------------------------

manage_keys() { # mint ID [FILE], list FILE, revoke ID FILE; or ID [FILE]
    need_packages openssl jq bsdextrautils
    case ${1:-} in
        mint | list | revoke) (cd "$started_in" && "$root/src/tools/image-gateway-key" "$@") ;;
        *) (cd "$started_in" && "$root/src/tools/image-gateway-key" mint "$@") ;;
    esac
}

# ---- format and lint ---------------------------------------------------------------------------------

tidy=clang-tidy-19 # Debian's default, 14, does not understand all of the C++20 in Debian's own libstdc++

source_files() { find src t -type f \( -name '*.cc' -o -name '*.h' \) | LC_ALL=C sort; }

format() {
    need_packages clang-format
    source_files | xargs -r clang-format -i
}

lint() {
    local files ended=0
    need_packages clang-format $tidy git libgtest-dev
    say "Formatting …"
    source_files | xargs -r clang-format --dry-run -Werror || ended=1
    ((ended == 0)) || say "./build.sh format mends the formatting."

    mapfile -t files < <(files_to_tidy)
    if ((${#files[@]})); then
        build_for_distribution # for the headers that nginx's configure writes
        say "clang-tidy on ${#files[@]} files …"
        run_tidy "${files[@]}" || ended=1
    fi
    return $ended
}

# What differs from the commit this work started at; for a header its own source, or else one that includes it.
files_to_tidy() {
    local base changed
    if [[ ${ALL:-} == 1 ]] || ! base=$(base_commit); then
        source_files | grep '\.cc$' || true
        return 0
    fi
    {
        git diff --name-only --diff-filter=d "$base" -- src t
        git ls-files --others --exclude-standard -- src t
    } | while read -r changed; do
        case $changed in
            *.cc) say "$changed" ;;
            *.h) source_of "$changed" ;;
        esac
    done | LC_ALL=C sort -u
}

source_of() { # HEADER
    if [[ -e ${1%.h}.cc ]]; then
        say "${1%.h}.cc"
    else
        { grep -rlF --include='*.cc' "\"${1#*/}\"" src t || true; } | LC_ALL=C sort | sed -n 1p
    fi
}

base_commit() {
    local main base
    for main in origin/main main; do
        if base=$(git merge-base HEAD $main 2>/dev/null) && [[ $base != $(git rev-parse HEAD) ]]; then
            say "$base"
            return 0
        fi
    done
    git rev-parse --quiet --verify HEAD~1
}

run_tidy() {
    local flags=(-std=c++20 -Isrc -It/unit "-DIMAGE_GATEWAY_CATALOG=\"$root/src/core/catalog/catalog.json\"") dir
    for dir in src/core src/event src/event/modules src/os/unix src/http src/http/modules src/http/v2 objs; do
        flags+=(-isystem "build/nginx/$dir")
    done
    printf '%s\n' "$@" |
        xargs -P "$(nproc)" -I FILE $tidy --quiet FILE -- "${flags[@]}" 2> >(sed '/warnings\? .*generated/d' >&2)
}

# ------------------------------------------------------------------------------------------------------

main() {
    local command=${1:-build}
    shift || true
    case $command in
        build) build_for_distribution && say "build/$module is up to date." ;;
        --nginx-source) build_for_source "$@" ;;
        run) run ;;
        test) run_tests "$@" ;;
        bench) bench "$@" ;;
        chaos) chaos "$@" ;;
        fuzz)
            need_packages cmake ninja-build clang libclang-rt-14-dev libyajl-dev libssl-dev libpng-dev libexpected-dev
            t/fuzz/run.sh "${@:-60}"
            ;;
        install) install_module ;;
        key) manage_keys "$@" ;;
        docs) python3 docs/providers.py ;;
        format) format ;;
        lint) lint ;;
        clean) rm -rf build ;;
        help | --help | -h) usage ;;
        *)
            usage >&2
            fail "there is no command '$command'."
            ;;
    esac
}

main "$@"
