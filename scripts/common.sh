# What the other scripts say, and how they say it.
# shellcheck shell=bash

say() { printf '%s\n' "$@"; } # one line for each argument

fail() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

elapsed() { printf '%s s' "$((SECONDS - $1))"; }

# Runs a command that may say nothing for long. Every 15 seconds a line tells what DESCRIBE prints, and for how long it has run.
with_progress() { # DESCRIBE COMMAND …
    local ended=0 teller
    tell_progress "$1" $BASHPID &
    teller=$!
    "${@:2}" || ended=$?
    kill $teller 2>/dev/null || true
    wait $teller 2>/dev/null || true
    return $ended
}

logged() { # LOG COMMAND …
    "${@:2}" >>"$1" 2>&1
}

# It waits by reading what never comes: sleep would outlive it, and hold pipes and locks of ours meanwhile.
tell_progress() { # DESCRIBE PROCESS-THAT-RUNS-IT
    local since=$SECONDS never
    exec {never}<> <(:)
    while ! read -r -t 15 -u "$never" && kill -0 "$2" 2>/dev/null; do
        say "  $($1), $(elapsed "$since")"
    done
}
