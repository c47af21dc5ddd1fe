#!/bin/bash
# Runs in a new root directory that has nginx (./build.sh test-package): installs the version before, serves with it, upgrades it while
# a request is running, removes and purges it. It says what it finds, and fails at the first thing that is wrong.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

package=libnginx-mod-http-image-gateway
link=/etc/nginx/modules-enabled/50-mod-http-image-gateway.conf
state=/var/lib/nginx/images
site=/etc/nginx/conf.d/images.conf

wrong() {
    printf 'wrong: %s\n' "$*" >&2
    tail -n 20 /var/log/nginx/error.log /tmp/apt.log >&2 || true
    exit 1
}

found() { printf '  %s\n' "$*"; }

apt() { apt-get -y "$@" >/tmp/apt.log 2>&1 || wrong "apt-get $*"; }

files() { # of the machine, without caches, logs and the records of dpkg and apt
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /packages -o -path /var/cache \
        -o -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd \) -prune -o -print | LC_ALL=C sort
}

reply() { # PROMPT MODEL
    curl -s --max-time 120 http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: application/json' -H "x-api-key: $secret" \
        -d "{\"prompt\": \"$1\", \"model\": \"$2\"}"
}

serves() { reply "$@" | grep -q '"b64_json":"'; }

has_usage() { # MODEL
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if image-gateway usage $state/state.db | grep -q "^team-a .*$1"; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

version_that_runs() { curl -s http://127.0.0.1:8080/metrics | sed -n 's/^image_gateway_build_info{version="\([^"]*\)".*/\1/p'; }

is_version() { # VERSION
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if [[ $(version_that_runs) == "$1" ]]; then
            return 0
        fi
        sleep 0.1
    done
    wrong "version $1 does not run: $(version_that_runs)"
}

# As on a machine with an init: where there is none, packages must not touch services.
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

service nginx start >/dev/null || wrong "nginx of the distribution does not start"
files >/tmp/files.before

# ---- installed while nginx runs

apt install /packages/before.deb
[[ $(readlink $link) == /usr/share/nginx/modules-available/mod-http-image-gateway.conf ]] || wrong "the module is not enabled"
[[ $(stat -c %U:%G:%a $state) == www-data:www-data:700 ]] || wrong "$state is $(stat -c %U:%G:%a $state)"
[[ $(image-gateway version) == "image-gateway 0.9.0" ]] || wrong "$(image-gateway version)"
dpkg-query -W -f '${Depends}' $package | grep -q 'nginx-abi-' || wrong "it does not depend on an ABI of nginx"
for page in image-gateway image-gateway-key; do
    grep -q "/usr/share/man/man1/$page.1.gz" /var/lib/dpkg/info/$package.list || wrong "$page has no manual page"
done
found "installed while nginx runs; the state directory is the workers'"

secret=$(image-gateway key mint team-a /etc/nginx/images/keys.json | sed -n 's/^ *\(sk-bf-[^ ]*\)$/\1/p')
cat >$site <<END
image_gateway_keys  /etc/nginx/images/keys.json;
image_gateway_state $state/state.db;
image_provider sandbox { api sandbox; }
image_provider slow    { api sandbox; latency 45s; }
server {
    listen 127.0.0.1:8080;
    location /v1/ { image_gateway; image_gateway_store $state/store max=1g; }
    location = /metrics { image_gateway_metrics; }
}
END
nginx -t -q || wrong "nginx -t"
service nginx reload >/dev/null
is_version 0.9.0
serves kite sandbox/placeholder || wrong "it does not serve: $(reply kite sandbox/placeholder)"
has_usage sandbox/placeholder || wrong "no usage record"
[[ $(stat -c %U:%a $state/state.db) == www-data:600 ]] || wrong "the state file is $(stat -c %U:%a $state/state.db)"
found "0.9.0 serves an image to a key, and writes the usage record"

# ---- upgraded while a request is running

serves slow slow/placeholder &
request=$!
sleep 1
apt install /packages/current.deb
current=$(image-gateway version)
is_version "${current#image-gateway }"
kill -0 $request || wrong "the request did not last until the upgrade"
wait $request || wrong "a request was lost during the upgrade"
serves kite sandbox/placeholder || wrong "it does not serve after the upgrade"
has_usage sandbox/placeholder && has_usage slow/placeholder || wrong "a usage record is lost"
found "upgraded to ${current#image-gateway }: it runs, and the running request got its image"

rm $link
apt install --reinstall /packages/current.deb
[[ ! -e $link ]] || wrong "a module that the operator has disabled is enabled again"
serves kite sandbox/placeholder || wrong "nginx has stopped, because its configuration is not valid"
ln -s /usr/share/nginx/modules-available/mod-http-image-gateway.conf $link
found "a module that the operator has disabled stays disabled, and nginx goes on with what it has in memory"

# ---- removed, installed again, purged

rm $site
service nginx reload >/dev/null
apt remove $package
[[ ! -e $link && -e $state/state.db && -e /etc/nginx/images/keys.json ]] || wrong "what remains after a removal"
nginx -t -q || wrong "nginx -t after the removal"
service nginx restart >/dev/null || wrong "nginx does not start after the removal"
apt install /packages/current.deb
[[ -L $link ]] || wrong "the module is not enabled when it is installed again"
found "removed: nginx runs without it, state and keys stay; installed again: it is enabled"

apt purge --autoremove $package
files >/tmp/files.after
# apt keeps what another package recommends, too
LC_ALL=C sort -u /tmp/files.before /var/lib/dpkg/info/*.list | LC_ALL=C comm -13 - /tmp/files.after >/tmp/files.residue
[[ ! -s /tmp/files.residue ]] || wrong "residue: $(cat /tmp/files.residue)"
LC_ALL=C comm -23 /tmp/files.before /tmp/files.after >/tmp/files.missing
[[ ! -s /tmp/files.missing ]] || wrong "these files were there before: $(cat /tmp/files.missing)"
if grep -E '\[(alert|emerg|crit)\]' /var/log/nginx/error.log | grep -v 'unknown directive "image_gateway_keys"'; then
    wrong "the error log has these lines"
fi
service nginx stop >/dev/null
found "purged: no file remains but those of packages that apt keeps"
