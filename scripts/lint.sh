# ./build.sh format and lint.
# shellcheck shell=bash

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
        mapfile -t files < <(units_of "${files[@]}")
        say "clang-tidy on ${#files[@]} files …"
        tidied() { say "$(wc -l <build/tidied) of ${#files[@]} files"; }
        : >build/tidied
        with_progress tidied run_tidy "${files[@]}" || ended=1
    fi
    return $ended
}

# Sources of src by the unit that they are compiled in: most of the time goes into the headers, once for each unit.
units_of() { # FILE …
    local file unit
    for file in "$@"; do
        unit=$(grep -lF "\"${file#src/}\"" build/nginx/objs/image_gateway/*.cc | sed -n 1p) || true
        say "${unit:-$file}"
    done | LC_ALL=C sort -u
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
    local flags dir
    read -r -a flags <<<"$(source ./config.list && say "$image_gateway_language")"
    flags+=(-Isrc -It -It/unit "-DIMAGE_GATEWAY_CATALOG=\"$root/$(source ./config.list && say "$image_gateway_catalog")\"" -DIMAGE_GATEWAY_PAGE=\"page.html\")
    for dir in src/core src/event src/event/modules src/os/unix src/http src/http/modules src/http/v2 objs; do
        flags+=(-isystem "build/nginx/$dir")
    done
    printf '%s\n' "$@" |
        xargs -P "$(nproc)" -I FILE bash -c '"$@"; ended=$?; echo >>build/tidied; exit $((ended != 0))' - \
            $tidy --quiet --checks=-bugprone-suspicious-include FILE -- "${flags[@]}" 2> >(sed '/warnings\? .*generated/d' >&2)
}
