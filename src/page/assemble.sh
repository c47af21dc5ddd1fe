#!/bin/sh
# Puts the files of this directory together as one HTML page: the style sheet and the modules go into page.html where it names them.
# The modules share one scope then, so lines of import go, and each name is there once.
#   sh src/page/assemble.sh >page.html
set -eu
cd "$(dirname "$0")"

# main.js imports all modules, each after those that it needs.
modules=$(sed -n "s|^import .* from './\(.*\)';\$|\1|p; s|^import './\(.*\)';\$|\1|p" main.js)

# Without comments that have a line of their own, without indentation.
plain() { sed -e 's|^ *||' -e '/^\/\//d' -e '/^$/d' "$@"; }

while IFS= read -r line; do
    case $line in
        *'<link rel="stylesheet" href="style.css">'*)
            echo '<style>'
            sed -e 's|^ *||' -e '/^$/d' style.css
            echo '</style>'
            ;;
        *'<script type="module" src="main.js"></script>'*)
            echo '<script type="module">'
            # shellcheck disable=SC2086
            plain $modules main.js | sed -e '/^import /d' -e 's|^export ||'
            echo '</script>'
            ;;
        *) printf '%s\n' "$line" ;;
    esac
done <page.html
