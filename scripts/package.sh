# ./build.sh package and test-package: Debian's packages of the module.
# shellcheck shell=bash

package_name=libnginx-mod-http-image-gateway

package() {
    local since=$SECONDS file
    need_to_package
    build_packages "$root/build/package"
    check_packages build/package
    say "" "Built in $(elapsed "$since"):"
    for file in build/package/*.{deb,dsc,tar.xz,buildinfo,json}; do
        say "  $file"
    done
}

need_to_package() {
    need_distribution_nginx
    need_packages "${libraries[@]}" nginx-dev dpkg-dev debhelper lintian xz-utils python3
}

# Everything that the packages are made of goes into one directory: source tree, changelog, packages.
build_packages() { # DIRECTORY [VERSION [ARCHIVE-OF-SOURCES]]
    local into=$1 version=${2:-$(gateway_version)} upstream tree
    upstream=${version/-/\~}
    tree=$into/source
    [[ $into != *[[:space:]]* ]] || fail "nginx cannot build a module in a directory with a space in its name: $into"
    rm -rf "$into"
    mkdir -p "$tree"
    say "Building the packages of version $version in $into (this takes one to three minutes on two cores) …"

    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(time_of_sources)}
    export SOURCE_DATE_EPOCH
    if [[ -n ${3:-} ]]; then
        tar -xJf "$3" -C "$tree" --strip-components=1
    else
        lay_sources "$tree"
    fi
    sed -i "s/^\(#define IMAGE_GATEWAY_VERSION\) .*/\1 \"$version\"/" "$tree/src/core/version.h"
    tar -C "$into" -cJf "$into/${package_name}_$upstream.orig.tar.xz" --sort=name --mode=go=rX,u+rw,a-s --mtime="@$SOURCE_DATE_EPOCH" \
        --owner=0 --group=0 --numeric-owner --transform="s,^source,$package_name-$upstream," source
    lay_debian_directory "$tree" "$upstream"
    # dpkg-deb gives the time of the commit to newer files only
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

    with_progress "echo dpkg-buildpackage is running" logged "$into/build.log" run_dpkg_buildpackage "$tree" ||
        fail "the packages could not be built: $(grep -m1 -E ' error: |undefined reference|^dpkg-[a-z]*: error' "$into/build.log" ||
            tail -n 5 "$into/build.log") (see $into/build.log)"
    dpkg-deb --fsys-tarfile "$into/${package_name}_$upstream"-1_*.deb |
        tar -xO "./usr/share/doc/$package_name/bill-of-materials.cdx.json" >"$into/bill-of-materials.cdx.json"
}

# Make's variables of ours would reach configure.
run_dpkg_buildpackage() { # TREE
    env -C "$1" -u IMAGE_GATEWAY_CFLAGS -u IMAGE_GATEWAY_LDFLAGS LC_ALL=C.UTF-8 TZ=UTC \
        dpkg-buildpackage -us -uc -F --jobs="$(nproc)"
}

# Files that Git knows, and new ones that it would not ignore; in an unpacked archive all but build/.
list_sources() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
            if [[ -e $file ]]; then
                printf '%s\0' "$file"
            fi
        done
    else
        find . -mindepth 1 -path ./build -prune -o -type f -print0 | LC_ALL=C sort -z
    fi
}

# Of the commit; in an unpacked archive of its newest file.
time_of_sources() {
    git log -1 --format=%ct 2>/dev/null || list_sources | xargs -0 stat -c %Y | sort -n | tail -1
}

# The version is written once, in version.h. So Debian's changelog is made here.
lay_debian_directory() { # TREE VERSION
    local maintainer="${DEBFULLNAME:-Builders of the image gateway} <${DEBEMAIL:-builders@image-gateway.invalid}>"
    cp -r "$1/packaging/debian" "$1/debian"
    sed -i "s/@MAINTAINER@/$maintainer/" "$1/debian/control"
    cat >"$1/debian/changelog" <<END
$package_name ($2-1) unstable; urgency=medium

  * Built from the source tree. CHANGELOG.md says what changed.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
}

check_packages() { # DIRECTORY
    say "lintian …"
    lintian --allow-root --fail-on error,warning --info --tag-display-limit 0 "$1"/*.changes ||
        fail "lintian has objections; they are above."
}

# Two builds of the same sources in different directories, and a build with a lower version; all that happens to a package in
# a root that is made for it.
test_package() { # [SUITE]
    local since=$SECONDS sources
    ((EUID == 0)) || fail "test-package makes a root directory and enters it: it needs root."
    if [[ ${1:-$(distribution_codename)} != "$(distribution_codename)" ]]; then
        test_package_of "$1"
        return
    fi
    need_to_package
    need_packages mmdebstrap iproute2
    rm -rf build/package build/test-package
    mkdir -p build/test-package
    elsewhere=$(mktemp -d /var/tmp/image-gateway.XXXXXX)
    trap leave_root EXIT

    build_packages "$root/build/package"
    check_packages build/package
    sources=$(realpath build/package/*.orig.tar.xz)
    build_packages "$elsewhere/packages" "$(gateway_version)" "$sources"
    compare_packages build/package "$elsewhere/packages"
    build_packages "$elsewhere/packages" 0.9.0 "$sources"

    make_root "$elsewhere/root" "$(distribution_codename)" nginx,ca-certificates,curl,procps build/test-package/mmdebstrap.log
    mkdir "$elsewhere/root/packages"
    cp "$elsewhere/packages/$package_name"_*.deb "$elsewhere/root/packages/before.deb"
    cp build/package/"$package_name"_*.deb "$elsewhere/root/packages/current.deb"
    cp packaging/check_in_root.sh "$elsewhere/root/packages/"

    # what the package depends on, while there is a network
    logged build/test-package/download.log in_test_root apt-get install -y --download-only /packages/before.deb ||
        fail "cannot get what the package depends on: see build/test-package/download.log"
    unshare --mount --pid --net --fork --kill-child bash -c '
        ip link set lo up && mount -t proc proc "$1/proc" && exec chroot "$1" bash /packages/check_in_root.sh' sh "$elsewhere/root" ||
        fail "the package does not do what it should; why is above."
    say "Checked in $(elapsed "$since")."
}

# The same in a root directory of another of Debian's suites, with its compiler, nginx and libraries.
test_package_of() { # SUITE
    local since=$SECONDS
    need_packages mmdebstrap
    rm -rf "build/test-package/$1"
    mkdir -p "build/test-package/$1"
    elsewhere=$(mktemp -d /var/tmp/image-gateway.XXXXXX)
    trap leave_root EXIT
    make_root "$elsewhere/root" "$1" ca-certificates "build/test-package/$1/mmdebstrap.log"
    lay_sources "$elsewhere/root/image-gateway"
    in_root_with_proc "$elsewhere/root" env SOURCE_DATE_EPOCH="$(time_of_sources)" /image-gateway/build.sh test-package || {
        cp "$elsewhere"/root/image-gateway/build/{package,test-package}/*.log "build/test-package/$1/" 2>/dev/null || true
        fail "the package does not do what it should in Debian's $1; why is above, and in build/test-package/$1."
    }
    cp "$elsewhere"/root/image-gateway/build/package/*.{deb,dsc,tar.xz,buildinfo,changes,json} "build/test-package/$1/"
    say "Built and checked in Debian's $1 in $(elapsed "$since"); the packages are in build/test-package/$1."
}

lay_sources() { # DIRECTORY
    mkdir -p "$1"
    list_sources | tar -c --null -T - --mode=go=rX,u+rw,a-s | tar -x -C "$1"
}

in_root_with_proc() { # ROOT COMMAND …
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -c '
        mount -t proc proc "$1/proc" && exec chroot "$1" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "${@:2}"' sh "$@"
}

make_root() { # DIRECTORY SUITE PACKAGES LOG
    say "Making a new root directory of Debian's $2 …"
    with_progress "echo mmdebstrap is running" logged "$4" mmdebstrap --variant=apt --skip=cleanup/apt/lists --include="$3" "$2" "$1" ||
        fail "mmdebstrap failed: see $4"
}

leave_root() { rm -rf "$elsewhere"; }

distribution_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

in_test_root() {
    env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$elsewhere/root" "$@"
}

compare_packages() { # DIRECTORY OTHER
    local file
    for file in "$1"/*.{deb,dsc,tar.xz,cdx.json}; do
        cmp "$file" "$2/${file##*/}" || fail "$file is not the same when it is built in another directory."
    done
    say "Both builds are byte-identical."
}
