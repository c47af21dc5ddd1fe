# ./build.sh bench, chaos and fuzz.
# shellcheck shell=bash

bench() {
    local program ended=0
    if [[ ${1:-} == peers ]]; then
        bench_peers "${@:2}"
        return
    fi
    need_packages wrk cmake ninja-build libbenchmark-dev
    build_for_distribution
    for program in core proxy_vs_gateway storm memory parked inputs cached workers; do
        MODULE=$root/build/$module python3 t/bench/$program.py "$@" || ended=1
    done
    return $ended
}

bench_peers() { # see t/bench/peers.py
    need_packages wrk openssl
    build_for_distribution
    MODULE=$root/build/$module python3 t/bench/peers.py "$@"
}

# MODULE names another module than the one that is built, such as one of an older commit.
chaos() {
    [[ -n ${MODULE:-} ]] || build_for_distribution
    prepare_python
    env MODULE="${MODULE:-$root/build/$module}" build/venv/bin/python t/chaos/run.py "$@"
}

fuzz() { # SECONDS
    need_packages cmake ninja-build clang libclang-rt-14-dev "${libraries[@]}"
    t/fuzz/run.sh "${@:-60}"
}
