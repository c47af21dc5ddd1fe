# ./build.sh check-openapi: the documents of docs/openapi against the rules of @redocly/cli, and what a gateway serves against its own
# document, with requests that schemathesis makes up.
# shellcheck shell=bash

schemathesis_checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance

check_openapi() { # [EXAMPLES-FOR-EACH-OPERATION]
    local since=$SECONDS port ended=0
    mkdir -p build/openapi
    build_for_distribution
    prepare_openapi_tools

    # the project names no license yet
    build/openapi/node_modules/.bin/redocly lint --skip-rule info-license docs/openapi/*.json || ended=1

    port=$(cd t && python3 -c 'from ports import free_port; print(free_port())')
    PORT=$port ./build.sh run >build/openapi/run.log 2>&1 &
    gateway_pid=$!
    trap 'kill -TERM $gateway_pid 2>/dev/null || true; wait $gateway_pid 2>/dev/null || true' EXIT
    wait_for_gateway "$port"
    (cd build/openapi && venv/bin/st run "http://127.0.0.1:$port/v1/openapi.json" --checks $schemathesis_checks \
        --max-examples "${1:-20}" --no-color) || ended=1
    say "Checked in $(elapsed "$since")."
    return $ended
}

wait_for_gateway() { # PORT
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if answers "$1"; then
            return 0
        fi
        sleep 0.1
    done
    fail "the gateway does not run: see build/openapi/run.log"
}

prepare_openapi_tools() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3 python3-venv
    [[ -n $(command -v node) && -n $(command -v npm) ]] || need_packages nodejs npm
    if ! cmp -s t/openapi/requirements.txt build/openapi/venv/requirements.txt; then
        say "Installing with pip into build/openapi/venv: $(<t/openapi/requirements.txt)"
        rm -rf build/openapi/venv
        python3 -m venv build/openapi/venv
        with_progress "echo pip is installing" build/openapi/venv/bin/pip install -q --disable-pip-version-check \
            -r t/openapi/requirements.txt || fail "pip could not install t/openapi/requirements.txt."
        cp t/openapi/requirements.txt build/openapi/venv/requirements.txt
    fi
    if ! cmp -s t/openapi/package-lock.json build/openapi/node_modules/.installed-lock; then
        say "Installing with npm into build/openapi what t/openapi/package-lock.json lists"
        cp t/openapi/package.json t/openapi/package-lock.json build/openapi/
        with_progress "echo npm is installing" npm ci --prefix build/openapi --no-audit --no-fund --loglevel=error ||
            fail "npm could not install t/openapi/package-lock.json."
        cp t/openapi/package-lock.json build/openapi/node_modules/.installed-lock
    fi
}
