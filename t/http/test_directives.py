"""docs/directives.md agrees with the tables of directives."""

import math
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from harness import environment
from ports import free_port

HTTP, PROVIDER = "In http, server and location", "In image_provider"
ANY = 99  # what a row says for any number of arguments
ENTRY = re.compile(r"\*\*Syntax:\*\* `(?P<syntax>[^`\n]+)`  \n\*\*Default:\*\* (?P<default>—|`[^`\n]+`)  \n"
                   r"\*\*Context:\*\* (?P<context>[^\n]+)\n\n(?P<text>\S.*)", re.DOTALL)


@pytest.fixture(scope="module")
def source(project):
    return lambda name: (project / "src" / name).read_text()


@pytest.fixture(scope="module")
def page(project):
    return (project / "docs/directives.md").read_text()


@pytest.fixture(scope="module")
def entries(page):
    """The parts of each entry, by chapter and name."""
    found = {}
    for chapter in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        title, _, rest = chapter.partition("\n")
        for entry in re.split(r"^### ", rest, flags=re.MULTILINE)[1:]:
            name, _, text = entry.partition("\n\n")
            match = ENTRY.fullmatch(text.strip())
            assert match, f"the entry of {name} is not of the form Syntax, Default, Context, text"
            assert (title, name) not in found, f"{name} has two entries"
            found[title, name] = match.groupdict()
    return found


def of_chapter(entries, chapter):
    return {name: entry for (title, name), entry in entries.items() if title == chapter}


class Row(NamedTuple):
    contexts: frozenset
    counts: tuple  # the fewest and the most arguments
    words: str  # "repeats", "block"
    default: str


@pytest.fixture(scope="module")
def rows():
    """By name, of each chapter: the rows of the tables of directives, as the module has them in its file."""
    text = Path(environment.module()).read_bytes()
    found = {HTTP: {}, PROVIDER: {}}
    for row in re.findall(rb"directive\t(\w+)\t([\w, ]+)\t(\d+)\t(\d+)\t(\w*)\t([^\n\0]*)\n", text):
        name, contexts, least, most, words, default = (part.decode() for part in row)
        chapter = PROVIDER if contexts == "image_provider" else HTTP
        count = math.inf if int(most) == ANY else int(most)
        found[chapter][name] = Row(frozenset(contexts.split(", ")), (int(least), count), words, default)
    return found


def arguments(name, syntax) -> tuple:
    """The minimum and maximum number of arguments that a Syntax line allows."""
    words = re.fullmatch(rf"{name}( .*)?(;| \{{ \.\.\. \}})", syntax)
    assert words, f"the syntax of {name} does not begin with its name or does not end: {syntax}"
    # Words in brackets are one argument that may be missing; a bar with spaces around it parts the ways to write it.
    ways = []
    for way in (words[1] or "").strip().split(" | "):
        optional = len(re.findall(r"\[[^]]+\]", way))
        way = re.sub(r"\[[^]]+\]", "", way)
        needed = len(way.replace("...", "").split())
        ways.append((needed, math.inf if "..." in way else needed + optional))
    return min(least for least, _ in ways), max(most for _, most in ways)


def test_every_directive_has_an_entry_and_every_entry_a_directive(entries, rows):
    for chapter in (HTTP, PROVIDER):
        assert set(of_chapter(entries, chapter)) == set(rows[chapter])
    assert {chapter for chapter, _ in entries} == {HTTP, PROVIDER}


def test_entries_are_in_alphabetical_order_and_in_the_contents(page, entries):
    for chapter in (HTTP, PROVIDER):
        names = list(of_chapter(entries, chapter))
        assert names == sorted(names)
        contents = re.search(rf"^- \[{chapter}\].*?:(.*?)(?=^- |^#)", page, re.DOTALL | re.MULTILINE)[1]
        assert re.findall(r"\[(\w+)\]\(#", contents) == names


def test_contexts_are_those_of_the_table(entries, rows):
    for (chapter, name), entry in entries.items():
        assert set(entry["context"].split(", ")) == rows[chapter][name].contexts, name


def test_numbers_of_arguments_are_those_of_the_table(entries, rows):
    for (chapter, name), entry in entries.items():
        least, most = arguments(name, entry["syntax"])
        assert (max(least, 1) if chapter == PROVIDER else least, most) == rows[chapter][name].counts, name
        assert entry["syntax"].endswith("}") == ("block" in rows[chapter][name].words), name


def test_what_may_be_repeated_is_said(entries, rows):
    for name, entry in of_chapter(entries, PROVIDER).items():
        said = re.search(r"May stand\s+several\s+times", entry["text"]) is not None
        assert said == ("repeats" in rows[PROVIDER][name].words), name


def test_defaults_are_those_of_the_table(entries, rows):
    for (chapter, name), entry in entries.items():
        default = rows[chapter][name].default
        assert entry["default"] == (f"`{name} {default};`" if default else "—"), name


def test_the_least_zone_is_that_of_nginx(entries, nginx_t):
    least = re.search(r"at least `(\w+)`", entries[HTTP, "image_gateway_zone"]["text"])[1]
    assert f"it must be at least {least} in" in nginx_t("image_gateway_zone zone=a:1k;").output


# Words that a directive accepts


@pytest.mark.parametrize("name", ("image_gateway_auth", "image_gateway_fit"))
def test_words_that_may_be_written_are_those_that_nginx_names(entries, nginx_t, name):
    known = re.search(r"expected one of: (.+?) in ", nginx_t(f"{name} none;").output)[1]
    assert known.split(", ") == re.findall(r"\w+", entries[HTTP, name]["syntax"])[1:]


def test_profiles_are_those_that_nginx_names(entries, nginx_t):
    known = re.search(r"expected one of: (.+?) in ", nginx_t("", "image_gateway profile=none;").output)[1]
    assert re.findall(r"^\| `([\w-]+)` \|", entries[HTTP, "image_gateway"]["text"], re.MULTILINE) == known.split(", ")


def test_the_example_of_a_catalogue_is_right(entries, nginx_t, scratch):
    example = re.search(r"```json\n(.*?)```", entries[HTTP, "image_gateway_catalog"]["text"], re.DOTALL)[1]
    (scratch / "catalog.json").write_text(example)
    result = nginx_t(f"image_gateway_catalog {scratch}/catalog.json; image_provider box {{ api sandbox; }}", "return 204;")
    assert result.ok, result.output


def test_apis_and_outcomes_are_those_that_nginx_names(entries, nginx_t):
    known = re.search(r"expected one of: (.+?) in ", nginx_t("image_provider p { api none; }").output)[1]
    listed = re.findall(r"^- `([\w-]+)`: ", entries[PROVIDER, "api"]["text"], re.MULTILINE)
    assert sorted(known.split(", ")) == sorted(listed)
    known = re.search(r"expected one of: (.+?) in ", nginx_t("image_provider p { api sandbox; fail none; }").output)[1]
    assert set(known.split(", ")) <= set(re.findall(r"`(\w+)`", entries[PROVIDER, "fail"]["text"]))


# Variables


def test_every_variable_is_described_and_every_described_one_exists(page, source):
    listed = re.findall(r"^- `\$(\w+)` — \S", page.partition("## Variables")[2], re.MULTILINE)
    assert listed == re.findall(r'\{ngx_string\("(\w+)"\)', source("nginx/variables.cc"))


# The page itself


def test_the_example_is_right(page, nginx_t, scratch):
    (scratch / "keys.json").write_text('{"keys": []}')
    example = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)[1].replace("/etc/nginx/images", str(scratch))
    inner = re.search(r"http \{\n(.*)\n\}", example, re.DOTALL)[1].replace("8080", f"127.0.0.1:{free_port()}")
    result = nginx_t(inner, "return 204;")
    assert result.ok, result.output


def test_the_links_within_the_page_lead_somewhere(page):
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    anchors, seen = set(), {}
    for title in titles:
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        anchors.add(f"{anchor}-{seen[anchor]}" if anchor in seen else anchor)
        seen[anchor] = seen.get(anchor, 0) + 1
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= anchors
