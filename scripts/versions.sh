# ./build.sh versions: builds nginx of several versions from source, with the module, and runs some tests with each.
# shellcheck shell=bash

# What nginx's versions change: the module is loaded, requests in each form, streams, reloads, errors, the metrics.
version_tests=(test_version.py test_sandbox.py test_contract.py test_streams.py test_lifecycle.py test_errors.py test_http2.py
    test_metrics.py)
version_suites=(bookworm trixie forky sid) # those of Debian that have nginx 1.22 or newer

test_versions() { # [VERSION | DIR …]: by default all that Debian's suites have
    local sources=build/nginx-sources source other=build/$module failed=0
    need_packages "${libraries[@]}" libpcre2-dev dpkg-dev
    prepare_python
    mkdir -p $sources
    if (($# == 0)); then
        list_debian_sources $sources
        mapfile -t < <(debian_versions $sources | cut -d' ' -f1)
        set -- "${MAPFILE[@]}"
        say "Debian's suites ${version_suites[*]} have nginx $*."
    fi
    report=()
    for source in "$@"; do
        if [[ -d $started_in/$source ]]; then
            source=$(cd "$started_in/$source" && pwd)
        else
            if ! get_debian_source $sources "$source"; then
                report+=("nginx $source: not run, its source cannot be had (see $sources/apt/log)")
                continue
            fi
            source=$sources/nginx-$source
        fi
        test_version "$source" "$other" || failed=1
        other=build/nginx-$tested/$module
    done
    say "" "${report[@]}"
    return $failed
}

test_version() { # DIR MODULE-FOR-ANOTHER-VERSION
    local ended=0 lines
    tested=$(nginx_version "$1")
    started_in=$root build_for_source "$1" --with-nginx || return
    if [[ -e $2 ]] && ! grep -q "nginx/$tested" <(nginx -v 2>&1); then
        expect_mismatch "$2" "$tested"
    fi
    NGINX=$root/build/nginx-$tested/nginx MODULE=$root/build/nginx-$tested/$module \
        in_python "nginx-$tested" -q "${version_tests[@]/#/t/http/}" | tee "build/nginx-$tested/tests.log" || ended=$?
    lines=$(tail -n 1 "build/nginx-$tested/tests.log")
    report+=("nginx $tested: ${lines//=/}")
    return $ended
}

# nginx refuses a module that was built for another version, and says which.
expect_mismatch() { # MODULE VERSION-OF-NGINX
    local said
    say "load_module $root/$1;" "events {}" >"build/nginx-$2/mismatch.conf"
    said=$("build/nginx-$2/nginx" -t -e stderr -p "$root/build" -c "$root/build/nginx-$2/mismatch.conf" 2>&1) &&
        fail "nginx $2 loads $1"
    [[ $said == *" version "*" instead of "* ]] || fail "nginx $2 says of $1: $said"
    report+=("nginx $2 refuses a module of another version: $(grep -o 'version .* instead of [0-9]*' <<<"$said")")
}

# Lists of packages of their own, so that those of the machine stay as they are. The address is that of the machine's Debian.
debian_apt() { # DIRECTORY COMMAND …
    local lists
    lists=$(cd "$1" && pwd)/apt
    "${@:2:1}" -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$lists/lists" \
        -o Dir::Cache="$lists/cache" -o APT::Sandbox::User=root "${@:3}"
}

list_debian_sources() { # DIRECTORY
    local suite address
    address=$(apt-get indextargets 'Created-By: Packages' 'Origin: Debian' --format '$(REPO_URI)' | grep -m1 '/debian/$') ||
        fail "this machine's apt knows no archive of Debian. Give versions or directories of nginx sources."
    mkdir -p "$1"/apt/{lists,cache/archives}/partial
    for suite in "${version_suites[@]}"; do
        say "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $address $suite main"
    done >"$1/apt/sources.list"
    logged "$1/apt/log" debian_apt "$1" apt-get update || fail "apt-get update failed: see $1/apt/log"
}

# "1.26.3 1.26.3-3+deb13u1" for each upstream version, the oldest first
debian_versions() { # DIRECTORY
    debian_apt "$1" apt-cache madison nginx | awk '{ split($3, version, "-"); print version[1], $3 }' | sort -V -u -k1,1
}

# nginx as it was released, without Debian's patches
get_debian_source() { # DIRECTORY VERSION
    local wanted
    [[ ! -d $1/nginx-$2 ]] || return 0
    [[ -e $1/apt/sources.list ]] || list_debian_sources "$1"
    wanted=$(debian_versions "$1" | awk -v version="$2" '$1 == version { print $2 }')
    [[ -n $wanted ]] || fail "Debian's suites ${version_suites[*]} have no nginx $2. Give the directory of its source."
    (cd "$1" && logged apt/log debian_apt . apt-get source --download-only --tar-only -qq "nginx=$wanted") || return
    mkdir -p "$1/nginx-$2.new"
    tar -xf "$1/nginx_$2.orig.tar.gz" -C "$1/nginx-$2.new" --strip-components=1
    mv "$1/nginx-$2.new" "$1/nginx-$2"
}
