# Builds the module in a tree of links to nginx's source, by nginx's own configure and make.
# shellcheck shell=bash

nginx_version() { sed -n 's/.*define NGINX_VERSION *"\(.*\)".*/\1/p' "$1/src/core/nginx.h"; }

gateway_version() { sed -n 's/^#define IMAGE_GATEWAY_VERSION "\(.*\)"$/\1/p' src/core/version.h; }

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
        cksum config config.make config.list
        grep -lE 'IMAGE_GATEWAY_(CATALOG|PAGE)' -r src --include='*.cc' || true
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
    local tree=$1 wanted ended=0
    shift
    wanted=$(make -C "$tree" -f objs/Makefile -n "$@" 2>/dev/null | grep -c -- ' -c -fPIC') || true
    touch "$tree/started"
    describe() { say "$(find "$tree/objs/addon" -name '*.o' -newer "$tree/started" | wc -l) of $wanted files compiled"; }
    rm -f "$tree/make.log"
    with_progress describe logged "$tree/make.log" make -C "$tree" -f objs/Makefile -j"$(nproc)" "$@" || ended=$?
    ((ended != 0)) || return 0
    grep -E -A4 ': (fatal )?error: |undefined reference|cannot find' "$tree/make.log" | head -n 60 >&2
    fail "the build failed; everything the compiler said is in $tree/make.log"
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
