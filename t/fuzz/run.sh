#!/bin/sh
# Builds every fuzz target and runs each for SECONDS; fails if one of them finds something.
#   t/fuzz/run.sh SECONDS [TARGET…]        BUILD_DIR and JOBS may be set
# What was found lies in BUILD_DIR/findings: run BUILD_DIR/<target> with such a file to see it again.
# The seeds in t/fuzz/corpus are read only; what a run learns is kept in BUILD_DIR/corpus.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:?usage: t/fuzz/run.sh SECONDS [TARGET…]}
shift
build=${BUILD_DIR:-$here/../../build/fuzz}

cmake -S "$here" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="${CXX_FUZZ:-clang++}" >/dev/null
cmake --build "$build" -j "${JOBS:-$(nproc)}"

if [ $# -eq 0 ]; then
    set -- "$here"/*_fuzz.cc
fi
mkdir -p "$build/findings"
found=
for target in "$@"; do
    name=$(basename "$target" .cc)
    mkdir -p "$build/corpus/$name"
    echo "fuzz: $name for $seconds s"
    log=$build/findings/$name.log
    case $name in
        form_fuzz | multipart_fuzz) dict=multipart.dict ;;
        *) dict=json.dict ;;
    esac
    if "$build/$name" "$build/corpus/$name" "$here/corpus/$name" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
        -dict="$here/$dict" -artifact_prefix="$build/findings/$name-" \
        -print_final_stats=1 >"$log" 2>&1; then
        grep -E 'number_of_executed_units|average_exec_per_sec' "$log"
    else
        found="$found $name"
        tail -60 "$log"
    fi
done
if [ -n "$found" ]; then
    echo "fuzz: found something:$found" >&2
    exit 1
fi
