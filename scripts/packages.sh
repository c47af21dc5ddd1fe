# What a command needs and the machine lacks: Debian's packages, Python's and Node's.
# shellcheck shell=bash

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
    with_progress "echo apt-get is installing" logged build/apt.log as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}" ||
        fail "apt-get could not install ${missing[*]}: $(grep -m1 '^E:' build/apt.log || echo 'see build/apt.log')"
}

update_package_lists() {
    [[ -z ${package_lists_are_fresh:-} ]] || return 0
    mkdir -p build
    rm -f build/apt.log
    with_progress "echo apt-get is updating its lists" logged build/apt.log as_root apt-get update ||
        say "apt-get update failed (see build/apt.log); going on with the package lists as they are."
    package_lists_are_fresh=yes
}

# to build against; the distribution's nginx comes on top
mapfile -t libraries < <(
    source ./config.list
    say build-essential ca-certificates
    awk 'NF { print $2 }' <<<"$image_gateway_libraries" | LC_ALL=C sort -u
)

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
    with_progress "echo pip is installing" build/venv/bin/pip install -q --disable-pip-version-check -r t/requirements.txt ||
        fail "pip could not install t/requirements.txt."
    printf '%s\n' "$wanted" >build/venv/requirements.txt
}

# LiteLLM takes more than a minute, so only those who ask for it get it, in an environment of its own.
prepare_litellm() {
    local wanted
    wanted=$(cat t/sdk/litellm_requirements.txt)
    if [[ -e build/litellm/requirements.txt && $(<build/litellm/requirements.txt) == "$wanted" ]]; then
        return 0
    fi
    say "Installing with pip into build/litellm: $wanted"
    rm -rf build/litellm
    python3 -m venv build/litellm
    with_progress "echo pip is installing" build/litellm/bin/pip install -q --disable-pip-version-check -r t/sdk/litellm_requirements.txt ||
        fail "pip could not install t/sdk/litellm_requirements.txt."
    printf '%s\n' "$wanted" >build/litellm/requirements.txt
}

prepare_node() {
    [[ -n $(command -v node) && -n $(command -v npm) ]] || need_packages nodejs npm
    mkdir -p build/sdk
    find t/sdk/node -maxdepth 1 -type f -exec cp -t build/sdk {} +
    if cmp -s build/sdk/package-lock.json build/sdk/node_modules/.installed-lock; then
        return 0
    fi
    say "Installing with npm into build/sdk what t/sdk/node/package-lock.json lists"
    with_progress "echo npm is installing" npm ci --prefix build/sdk --no-audit --no-fund --loglevel=error || return
    cp build/sdk/package-lock.json build/sdk/node_modules/.installed-lock
}

# For tests of what metrics show. The package is unpacked and not installed: installed, it would start a server.
need_prometheus() {
    [[ ! -x build/prometheus/usr/bin/promtool ]] || return 0
    command -v promtool >/dev/null && command -v prometheus >/dev/null && return 0
    say "Getting Debian's package prometheus (19 MB)"
    update_package_lists
    rm -rf build/prometheus
    mkdir -p build/prometheus
    (cd build/prometheus && apt-get download prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb) \
        >>build/apt.log 2>&1 || fail "cannot get the package prometheus: see build/apt.log"
}
