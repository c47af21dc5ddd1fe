"""Includes run one way: each part of src includes only parts that stand below it in the order of docs/architecture.md."""

import re

import pytest

INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)


@pytest.fixture(scope="module")
def order(project):
    """By name of a part: the number of its row, counted from the top."""
    page = (project / "docs/architecture.md").read_text()
    rows = re.search(r"^```layers\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1].splitlines()
    placed = {}
    for number, row in enumerate(rows):
        for name in re.split(r",\s*", row.partition("#")[0].strip()):
            assert name not in placed, f"{name} stands in two rows"
            placed[name] = number
    return placed


def part_of(path: str) -> str:
    """A directory of src/core, a file beside them, or a directory of src."""
    parts = path.split("/")
    if parts[0] != "core":
        return parts[0]
    return parts[1] if len(parts) > 2 else parts[1].rpartition(".")[0]


def wrong_arrows(order: dict, includes) -> list:
    """Sentences about the pairs (file, what it includes) that the order does not allow."""
    wrong = []
    for path, included in includes:
        above, below = part_of(path), part_of(included)
        if above != below and order[below] <= order[above]:
            wrong.append(f"src/{path} includes {included}, but {above} does not stand above {below}")
    return wrong


@pytest.fixture(scope="module")
def includes(project, files):
    found = []
    for path in files:
        if path.parts[0] == "src" and path.suffix in (".cc", ".h"):
            found += [(path.relative_to("src").as_posix(), one) for one in INCLUDE.findall((project / path).read_text())]
    assert len(found) > 500
    return found


def test_every_part_of_the_source_has_a_place_in_the_order_and_no_other_has(order, includes):
    assert {part_of(path) for pair in includes for path in pair} == set(order)


def test_no_include_runs_upwards_or_sideways(order, includes):
    assert not (wrong := wrong_arrows(order, includes)), "\n".join(wrong)


def test_an_arrow_against_the_order_is_found():
    order = {"nginx": 0, "routing": 1, "access": 2, "limits": 2, "json": 3}
    below = [("nginx/send.cc", "core/routing/plan.h"), ("core/routing/plan.h", "core/json/lifter.h"),
             ("core/json/lifter.cc", "core/json/lifter.h"), ("core/json.h", "core/json/lifter.h")]
    assert not wrong_arrows(order, below)
    assert len(wrong_arrows(order, [("core/json/lifter.h", "core/routing/plan.h")])) == 1
    assert len(wrong_arrows(order, [("core/access/jwt.h", "core/limits/claim.h")])) == 1
    assert len(wrong_arrows(order, [("core/json.h", "nginx/ngx.h")])) == 1
