"""CHANGELOG.md has the form of nginx's changes, and its first entry is of the version in src/core/version.h."""

import re

HEADING = re.compile(r"^## Changes with image gateway (\d+\.\d+\.\d+), (?:\d{4}-\d\d-\d\d|not yet released)$")
KINDS = ("Change", "Feature", "Bugfix", "Security", "Workaround")


def test_the_first_entry_is_of_this_version(project):
    version = re.search(r'^#define IMAGE_GATEWAY_VERSION "(\d+\.\d+\.\d+)(-dev)?"$',
                        (project / "src/core/version.h").read_text(), re.MULTILINE)
    first = next(line for line in (project / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert HEADING.match(first)[1] == version[1]
    assert first.endswith("not yet released") == (version[2] == "-dev")


def test_every_line_says_what_kind_of_change_it_is(project):
    for line in (project / "CHANGELOG.md").read_text().splitlines():
        if line.startswith("## "):
            assert HEADING.match(line), line
        elif line.startswith("*"):
            assert re.match(rf"\* (?:{'|'.join(KINDS)}): \S", line), line
