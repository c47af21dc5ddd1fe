# ./build.sh install, and the keys that callers have.
# shellcheck shell=bash

install_module() {
    local modules to=${DESTDIR:-}
    [[ -n $to || $EUID -eq 0 ]] || fail "installing needs root: sudo ./build.sh install"
    build_for_distribution
    modules=$(nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')

    install_stripped build/$module "$to$modules/$module" "$to"
    install -D -m 755 src/tools/image-gateway-key "$to/usr/bin/image-gateway-key"
    install_tool "$to/usr/bin"
    install -D -m 644 -t "$to/usr/share/man/man1" src/tools/image-gateway.1 src/tools/image-gateway-key.1
    say "$to$modules/$module" "$to/usr/bin/image-gateway" "$to/usr/bin/image-gateway-key" "$to"/usr/share/man/man1/image-gateway{,-key}.1

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

# image-gateway with its version, which it reads from the source tree otherwise.
install_tool() { # DIRECTORY
    install -d "$1"
    sed "s/^version= .*/version=$(gateway_version)/" src/tools/image-gateway >"$1/image-gateway.new"
    chmod 755 "$1/image-gateway.new"
    mv "$1/image-gateway.new" "$1/image-gateway"
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

manage_keys() { # mint ID [FILE], list FILE, revoke ID FILE; or ID [FILE]
    need_packages openssl jq bsdextrautils
    case ${1:-} in
        mint | list | revoke) (cd "$started_in" && "$root/src/tools/image-gateway-key" "$@") ;;
        *) (cd "$started_in" && "$root/src/tools/image-gateway-key" mint "$@") ;;
    esac
}
