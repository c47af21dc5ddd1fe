# ./build.sh test-guides: runs the commands of docs/guides as they are written, in a new Debian.
# shellcheck shell=bash

# The second one begins where the first one has ended. Commands of the others need what a root directory cannot have: see
# docs/versions.md.
guides=(debian load-balancer)

test_guides() { # [SUITE]
    local suite=${1:-$(distribution_codename)} since=$SECONDS guide
    ((EUID == 0)) || fail "test-guides makes a root directory and enters it: it needs root."
    need_packages mmdebstrap
    mkdir -p build/test-guides
    elsewhere=$(mktemp -d /var/tmp/image-gateway.XXXXXX)
    trap leave_root EXIT
    make_root "$elsewhere/root" "$suite" sudo,ca-certificates,curl build/test-guides/mmdebstrap.log
    # as on a machine with an init: packages start their services
    printf '#!/bin/sh\nexit 0\n' >"$elsewhere/root/usr/sbin/policy-rc.d"
    chmod 755 "$elsewhere/root/usr/sbin/policy-rc.d"
    lay_sources "$elsewhere/root/image-gateway"
    {
        say 'set -euo pipefail'
        for guide in "${guides[@]}"; do
            commands_of "docs/guides/$guide.md"
            say "file kite.png | grep -q 'PNG image data' && rm kite.png && echo 'The commands of $guide.md have made an image.'"
        done
        say 'service nginx stop'
    } >"$elsewhere/root/image-gateway/commands"
    chroot "$elsewhere/root" apt-get install -y -qq file >/dev/null 2>&1 || fail "cannot install file"
    in_root_with_proc "$elsewhere/root" bash -c 'cd /image-gateway && exec bash commands' ||
        fail "a command of the guides failed; why is above."
    say "The guides ${guides[*]} were run in Debian's $suite in $(elapsed "$since")."
}

# The blocks that are marked with sh
commands_of() { # PAGE
    sed -n '/^```sh$/,/^```$/{/^```/!p}' "$1"
}
