#!/usr/bin/env bash
# Builds, runs, tests and installs the image gateway. ./build.sh help says what it can do.
set -euo pipefail

started_in=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

module=ngx_http_image_gateway_module.so
nginx_dev=/usr/share/nginx/src # where the package nginx-dev puts nginx's headers and configure
PATH=$PATH:/usr/sbin:/sbin     # nginx is not in an ordinary user's PATH

usage() {
    cat <<'END'
Usage: ./build.sh [COMMAND]

  (nothing), build      build the module for the distribution's nginx: build/ngx_http_image_gateway_module.so
  --nginx-source DIR [--with-nginx]
                        build it for the nginx source tree DIR (1.22 to 1.31): build/nginx-VERSION/…;
                        with --with-nginx that nginx itself, too
  versions [VERSION|DIR …]
                        build nginx and the module from source, and run some HTTP tests with each: all versions that
                        Debian's suites have, or those given (what was run is in docs/versions.md)
  run                   build if needed and serve examples/quickstart.conf on 127.0.0.1:8080 until Ctrl-C
                        (another port: PORT=9000 ./build.sh run)
  test [ARG …]          all tests; ARGs go to pytest. SUITES="source unit http http-libcurl http-asan sdk page cost" chooses among them:
                          source     what docs and comments cite, and which way includes run
                          unit       the core, the curl client and the state file without nginx; with LONG=1 random
                                     tests take as many cases as they may want, in some minutes more
                          http       the running nginx, with workers that are nobody; beside http-asan only some
                          http-libcurl
                                     what concerns the HTTP with providers, by libcurl's in place of our own
                          http-asan  the running nginx with sanitizers
                          sdk        the clients of others; with LITELLM=1 also LiteLLM, which takes a while to install
                          page       the page in Chromium
                          cost       instructions, allocations and system calls of a request, against t/cost/budgets.json
  bench [ARG …]         CPU time to understand and to admit a request, of the gateway beside plain proxy_pass, what a
                        primary that answers only 429 costs, what slow readers and waiting requests cost in
                        memory, and what a second worker brings (--quick, --check)
  bench peers [ARG …]   the gateway beside proxy_pass, Lua, Portkey, LiteLLM and Bifrost, which it installs into build/peers
                        (--quick, --peer NAME …, --only SCENARIO …; --write puts the figures into docs/performance.md)
  chaos [--quick] [NAME …]
                        reloads, upgrades and kills under load, slow readers, endless providers, and what else is in t/chaos:
                        half an hour, or with --quick a few seconds each; prints a line of figures for each
  fuzz [SECONDS]        run every fuzz target for that long each (60)
  install               put module and examples where the distribution's nginx finds them (honours DESTDIR)
  package               make Debian packages of the module for this distribution in build/package, as lintian wants them
  test-package [SUITE]  make them twice (byte-identical), and install, run, upgrade and purge them in a new Debian; with
                        SUITE (trixie) all of it in a new root directory of that suite
  test-guides [SUITE]   run the commands of docs/guides as they are written, in a new Debian (SUITE: bookworm, trixie)
  check-openapi [N]     lint docs/openapi, and let schemathesis try N requests for each operation of a running gateway (20),
                        beside those it derives from the document; some minutes
  key [mint] ID [FILE]  mint a virtual key and print its secret once; with FILE (keys.json) add it there
  key list FILE         which keys there are, and what they may
  key revoke ID FILE    take one away; all three are installed as image-gateway-key, too
  docs                  write docs/providers.md from the catalogue
  lint                  formatting of everything, clang-tidy on what changed (ALL=1: on everything)
  format                reformat src and t
  clean                 remove build/
  help                  this text

What a command needs and the machine lacks, it installs with apt-get, and says so first.
END
}

for script in scripts/*.sh; do
    # shellcheck source=/dev/null
    source "$script"
done

main() {
    local command=${1:-build}
    shift || true
    case $command in
        build) build_for_distribution && say "build/$module is up to date." ;;
        --nginx-source) build_for_source "$@" ;;
        versions) test_versions "$@" ;;
        run) run ;;
        test) run_tests "$@" ;;
        bench) bench "$@" ;;
        chaos) chaos "$@" ;;
        fuzz) fuzz "$@" ;;
        install) install_module ;;
        package) package ;;
        test-package) test_package "$@" ;;
        test-guides) test_guides "$@" ;;
        check-openapi) check_openapi "$@" ;;
        key) manage_keys "$@" ;;
        docs) python3 docs/providers.py && python3 docs/metrics.py ;;
        format) format ;;
        lint) lint ;;
        clean) rm -rf build ;;
        help | --help | -h) usage ;;
        *)
            usage >&2
            fail "there is no command '$command'."
            ;;
    esac
}

main "$@"
