# ./build.sh run: serves examples/quickstart.conf until Ctrl-C.
# shellcheck shell=bash

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
    explain_run "http://127.0.0.1:$port"
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

explain_run() { # ADDRESS
    local request="curl -s $1/v1/images/generations -H 'Content-Type: application/json' -d '{\"prompt\":\"a red kite over dunes\"}'"
    local image="grep -o '\"b64_json\": *\"[^\"]*' | cut -d'\"' -f4 | base64 -d > kite.png"
    if command -v jq >/dev/null; then
        image="jq -r '.data[0].b64_json' | base64 -d > kite.png"
    fi
    cat <<END
Make images with a browser: $1/

Or ask the gateway for one from another terminal:

$request

The same, and the image saved as kite.png:

$request | $image

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
