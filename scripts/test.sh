# ./build.sh test: the suites, and the lines that sum them up.
# shellcheck shell=bash

all_suites="source unit http http-libcurl http-asan sdk page cost"

run_tests() { # pytest's arguments
    local suite since ended
    totals=(0 0 0)
    report=()
    rm -rf build/test
    mkdir -p build/test
    trap sum_up EXIT

    need_packages cmake ninja-build libgtest-dev openssl curl jq sqlite3 redis-tools
    if has_suite http || has_suite http-libcurl || has_suite sdk || has_suite page || has_suite cost; then
        build_for_distribution
    else
        need_distribution_nginx
    fi
    prepare_python
    for suite in ${SUITES:-$all_suites}; do
        say "" "==== $suite"
        since=$SECONDS
        ended=0
        run_suite "$suite" "$@" || ended=$?
        # pytest says 5 when its arguments select nothing in a suite
        if ((ended == 5 && $# > 0)); then
            ended=0
        fi
        count_suite "$suite" "$ended" "$(elapsed $since)"
    done
}

has_suite() { [[ " ${SUITES:-$all_suites} " == *" $1 "* ]]; }

run_suite() { # SUITE, pytest's arguments
    case $1 in
        source) in_python source t/source -q "${@:2}" ;;
        unit) unit_tests ;;
        http) http_tests "${@:2}" ;;
        http-libcurl) http_tests_by_libcurl "${@:2}" ;;
        http-asan) http_tests_with_sanitizers "${@:2}" ;;
        sdk) sdk_tests "${@:2}" ;;
        page) page_tests "${@:2}" ;;
        cost) cost_tests "${@:2}" ;;
        *) fail "there is no suite '$1'; there are $all_suites." ;;
    esac
}

# However the tests end, the last line says how.
sum_up() {
    local ended=$?
    if ((ended != 0 && totals[1] == 0)); then
        totals[1]=1
    fi
    say "" "${report[@]}"
    say "${totals[0]} passed, ${totals[1]} failed, ${totals[2]} skipped"
    ((totals[0] > 0 && totals[1] == 0)) || exit 1
}

# Reads build/test/SUITE.xml, or one of each shard (JUnit). A suite that broke without saying which test is one failure.
count_suite() { # SUITE EXIT-CODE TIME
    local counts=(0 0 0) reports line
    mapfile -t reports < <(compgen -G "build/test/$1.xml" || compgen -G "build/test/$1/*.xml")
    if ((${#reports[@]})); then
        read -r -a counts < <(junit_counts "${reports[@]}")
    fi
    if (($2 != 0 && counts[1] == 0)); then
        say "The suite $1 broke (exit code $2); that counts as one failure."
        counts[1]=1
    fi
    line=$(printf '%-10s %5d passed %5d failed %5d skipped %8s' "$1" "${counts[@]}" "$3")
    say "$line"
    report+=("$line")
    totals=($((totals[0] + counts[0])) $((totals[1] + counts[1])) $((totals[2] + counts[2])))
}

junit_counts() {
    python3 - "$@" <<'END'
import sys, xml.etree.ElementTree as junit
cases = [case for report in sys.argv[1:] for case in junit.parse(report).iter("testcase")]
failed = sum(any(child.tag in ("failure", "error") for child in case) for case in cases)
skipped = sum(case.find("skipped") is not None for case in cases)
print(len(cases) - failed - skipped, failed, skipped)
END
}

# Where the module with sanitizers is needed too, its objects are what the tests are linked with.
unit_tests() {
    local objects=
    if has_suite http-asan; then
        build_with_sanitizers || return
        objects=$root/build/asan/objs
    fi
    logged build/test/cmake.log cmake -S t -B build/unit -G Ninja \
        -DOBJECTS="$objects" -DRESULTS="$root/build/test/unit" || return
    with_progress "echo building the unit tests" cmake --build build/unit || return
    UBSAN_OPTIONS=halt_on_error=1 GTEST_BRIEF=1 \
        with_progress "echo running the unit tests" ctest --test-dir build/unit -j "$(nproc)" --output-on-failure
}

# A suite's tests in Python, with a line of progress every 15 seconds.
in_python() { # SUITE, pytest's arguments
    PROGRESS=15 build/venv/bin/python -m pytest --junitxml="build/test/$1.xml" "${@:2}"
}

# Files of tests side by side, so many for each two processors that those that wait do not hold up the others; the tests of a
# file stay in their order.
side_by_side=(-n "$(($(nproc) + ($(nproc) + 1) / 2))" --dist loadfile --no-loadscope-reorder)

# Workers of a real installation have no privileges: those of this suite neither. Where the suite with sanitizers runs
# all tests, this one runs those alone that t/http/conftest.py has for it.
http_tests() {
    need_prometheus
    local chosen=()
    if has_suite http-asan; then
        chosen=(-m "plain or no_module")
    fi
    MODULE=$root/build/$module TEST_USER=nobody in_python http t/http "${side_by_side[@]}" "${chosen[@]}" "$@"
}

# Everywhere else providers are called by HTTP of our own, which is the default.
http_tests_by_libcurl() {
    MODULE=$root/build/$module TEST_USER=nobody PROVIDER_HTTP=libcurl \
        in_python http-libcurl t/http "${side_by_side[@]}" -m libcurl "$@"
}

http_tests_with_sanitizers() {
    need_prometheus
    build_with_sanitizers || return
    MODULE=$root/build/asan/$module \
        SANITIZER_PRELOAD=$(gcc -print-file-name=libasan.so):$(realpath "$(gcc -print-file-name=libstdc++.so.6)") \
        in_python http-asan t/http "${side_by_side[@]}" -m "not no_module" "$@"
}

# The Node half of the suite runs in a copy, so that node_modules stays out of the tree.
sdk_tests() {
    local litellm=
    prepare_node || return
    if [[ ${LITELLM:-} == 1 ]]; then
        prepare_litellm
        litellm=$root/build/litellm/bin/python
    fi
    MODULE=$root/build/$module SDK_NODE_DIR=$root/build/sdk SDK_LITELLM_PYTHON=$litellm in_python sdk t/sdk "$@"
}

# In Debian's Chromium, with axe-core's rules. Each process has a browser of its own.
page_tests() {
    need_packages chromium
    prepare_node || return
    MODULE=$root/build/$module AXE=$root/build/sdk/node_modules/axe-core/axe.min.js \
        in_python page t/page -n "$(nproc)" --dist worksteal "$@"
}

# One after another, and with what they print: valgrind counts, and no clock has a say.
cost_tests() {
    need_packages valgrind
    MODULE=$root/build/$module in_python cost t/cost -s "$@"
}
