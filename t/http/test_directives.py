"""docs/directives.md agrees with the tables in the source."""

import math
import re

import pytest
from ports import free_port

HTTP, PROVIDER = "In http, server and location", "In image_provider"
CONTEXTS = {"NGX_HTTP_MAIN_CONF": "http", "NGX_HTTP_SRV_CONF": "server", "NGX_HTTP_LOC_CONF": "location",
            "NGX_HTTP_LIF_CONF": "if in location", "NGX_HTTP_LMT_CONF": "limit_except"}
COUNTS = {"NGX_CONF_NOARGS": (0, 0), "NGX_CONF_TAKE1": (1, 1), "NGX_CONF_TAKE2": (2, 2), "NGX_CONF_TAKE3": (3, 3),
          "NGX_CONF_TAKE12": (1, 2), "NGX_CONF_TAKE123": (1, 3),
          "NGX_CONF_FLAG": (1, 1), "NGX_CONF_TAKE1234": (1, 4), "NGX_CONF_1MORE": (1, math.inf), "NGX_CONF_2MORE": (2, math.inf)}
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


@pytest.fixture(scope="module")
def commands(source):
    """By name: contexts and numbers of arguments, from nginx's command table."""
    text = source("nginx/directives.cc")
    everywhere = re.search(r"kEverywhere = ([^;]+);", text)[1]
    table = re.search(r"image_gateway_commands\[\] = \{(.*?)ngx_null_command", text, re.DOTALL)[1]
    rows = re.findall(r'\{ngx_string\("(\w+)"\),\s*([\w\s|]+),', table)
    assert len(rows) == table.count("ngx_string")
    found = {}
    for name, flags in rows:
        flags = re.findall(r"\w+", flags.replace("kEverywhere", everywhere))
        counts = [COUNTS[flag] for flag in flags if flag in COUNTS]
        unknown = set(flags) - set(CONTEXTS) - set(COUNTS) - {"NGX_CONF_BLOCK"}
        assert not unknown, f"this test does not know {unknown}"
        found[name] = {"contexts": {CONTEXTS[flag] for flag in flags if flag in CONTEXTS},
                       "counts": (min(least for least, _ in counts), max(most for _, most in counts)),
                       "block": "NGX_CONF_BLOCK" in flags}
    return found


@pytest.fixture(scope="module")
def lines(source):
    """By name: numbers of arguments, and whether it repeats, from the provider block's table."""
    table = re.search(r"kDirectives\[\] = \{(.*?)\n\};", source("nginx/provider_block.cc"), re.DOTALL)[1]
    rows = re.findall(r'\{ngx_string\("(\w+)"\), (\d+), (\d+), (true|false),', table)
    assert len(rows) == table.count("ngx_string")
    return {name: (int(least), int(most), repeats == "true") for name, least, most, repeats in rows}


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


def test_every_directive_has_an_entry_and_every_entry_a_directive(entries, commands, lines):
    assert set(of_chapter(entries, HTTP)) == set(commands)
    assert set(of_chapter(entries, PROVIDER)) == set(lines)
    assert {chapter for chapter, _ in entries} == {HTTP, PROVIDER}


def test_entries_are_in_alphabetical_order_and_in_the_contents(page, entries):
    for chapter in (HTTP, PROVIDER):
        names = list(of_chapter(entries, chapter))
        assert names == sorted(names)
        contents = re.search(rf"^- \[{chapter}\].*?:(.*?)(?=^- |^#)", page, re.DOTALL | re.MULTILINE)[1]
        assert re.findall(r"\[(\w+)\]\(#", contents) == names


def test_contexts_are_those_of_the_table(entries, commands):
    for name, entry in of_chapter(entries, HTTP).items():
        assert set(entry["context"].split(", ")) == commands[name]["contexts"], name
    assert {entry["context"] for entry in of_chapter(entries, PROVIDER).values()} == {"image_provider"}


def test_numbers_of_arguments_are_those_of_the_table(entries, commands, lines):
    for name, entry in of_chapter(entries, HTTP).items():
        assert arguments(name, entry["syntax"]) == commands[name]["counts"], name
        assert entry["syntax"].endswith("}") == commands[name]["block"], name
    for name, entry in of_chapter(entries, PROVIDER).items():
        least, most = arguments(name, entry["syntax"])
        assert (max(least, 1), most) == lines[name][:2], name


def test_what_may_be_repeated_is_said(entries, lines):
    for name, entry in of_chapter(entries, PROVIDER).items():
        said = re.search(r"May stand\s+several\s+times", entry["text"]) is not None
        assert said == lines[name][2], name


# Defaults that the source states


def amount(text) -> int:
    """The value of nginx's sizes in bytes, of times in milliseconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|k|m|%|)", text).groups()
    return int(number) * {"ms": 1, "s": 1000, "k": 1024, "m": 1024 * 1024, "%": 1, "": 1}[unit]


def product(text) -> int:
    """The value of C++ such as 16 * 1024 or 590'000."""
    return math.prod(int(factor.replace("'", "")) for factor in text.split("*"))


def constant(text, name) -> int:
    return product(re.search(rf"\b{name}(?: = |\{{)([\d'* ]+)[;}}]", text)[1])


def parts_of(value) -> list:
    """The parts of "connect=5s first_byte=300s", with times as numbers; a range of times is a list."""
    return [(name, [amount(time) for time in times.split("..")] if ".." in times else amount(times))
            for name, times in (word.split("=") for word in value.split())]


def test_defaults_are_those_of_the_source(entries, source):
    conf, zone, call = source("nginx/conf.cc"), source("nginx/zone.h"), source("core/http_call.h")
    breaker, memory = source("core/limits/breaker.h"), source("core/bytes/held_memory.h")
    provider = source("core/providers/provider.h")
    retry = re.search(r"struct RetryRules \{(.*?)\n\};", provider, re.DOTALL)[1]
    assert "takes_idempotency = false" in provider
    word = lambda field: re.search(
        rf"location\.{field}, above\.{field},\s*static_cast<ngx_uint_t>\(\w+::(\w+)\)", conf)[1]
    unknown = re.search(r"mode = Mode::(\w+);", source("core/request/decode.h"))[1]
    flag = lambda field: ("off", "on")[int(re.search(rf"location\.{field}, above\.{field}, (\d)", conf)[1])]
    assert "location.store.value_or(nullptr)" in conf and "location.fetch_rules.value_or(FetchRules())" in conf
    assert "above.cors.value_or(Cors())" in conf and "return any || !origins.empty();" in source("nginx/cors.h")
    zone_name = re.search(r'kDefaultZoneName = "(\w+)"', zone)[1]
    stated = {
        (HTTP, "image_gateway_auth"): word("auth"),
        (HTTP, "image_gateway_fit"): word("fit"),
        (HTTP, "image_gateway_unknown_fields"): unknown,
        (HTTP, "image_gateway_raw"): flag("raw"),
        (HTTP, "image_gateway_buffering"): flag("buffering"),
        (HTTP, "image_gateway_cors"): "off",
        (HTTP, "image_gateway_store"): "off",
        (HTTP, "image_gateway_fetch_allow"): "none",
        (HTTP, "image_gateway_body_max"): constant(conf, "kDefaultBodyMax"),
        (HTTP, "image_gateway_answer_max"): constant(conf, "kDefaultAnswerMax"),
        (HTTP, "image_gateway_deadline"): constant(conf, "kDefaultDeadline"),
        (HTTP, "image_gateway_memory"): (constant(memory, "limit"), constant(memory, "share")),
        (HTTP, "image_gateway_heartbeat"): constant(conf, "kDefaultHeartbeat"),
        (HTTP, "image_gateway_zone"): (zone_name, constant(zone, "kDefaultZone")),
        (PROVIDER, "timeout"): [(name, constant(call, name)) for name in ("connect", "first_byte", "stall", "total", "keepalive")],
        (PROVIDER, "retry"): [("attempts", constant(retry, "attempts")),
                              ("backoff", [constant(retry, "shortest_pause"), constant(retry, "longest_pause")]),
                              ("within", constant(retry, "within"))],
        (PROVIDER, "breaker"): [(name, constant(breaker, {"calls": "least_calls"}.get(name, name)))
                                for name in ("failures", "rate", "calls", "window", "open")],
        (PROVIDER, "idempotency"): "off",
    }
    written = {}
    for (chapter, name), entry in entries.items():
        if entry["default"] == "—":
            continue
        value = re.fullmatch(rf"`{name} (.+);`", entry["default"])[1]
        if name in ("timeout", "retry", "breaker"):
            value = parts_of(value)
        elif name == "image_gateway_zone":
            zone_part, size = re.fullmatch(r"zone=(\w+):(\w+)", value).groups()
            value = (zone_part, amount(size))
        elif name == "image_gateway_memory":
            limit, share = re.fullmatch(r"(\w+) share=(\w+%)", value).groups()
            value = (amount(limit), amount(share))
        elif not value.isalpha():
            value = amount(value)
        written[chapter, name] = value
    assert written == stated


def test_the_least_zone_is_that_of_the_source(entries, source):
    least = re.search(r"at least `(\w+)`", entries[HTTP, "image_gateway_zone"]["text"])[1]
    assert amount(least) == constant(source("nginx/zone.h"), "kLeastZone")


# Words that a directive accepts


@pytest.mark.parametrize("name, table", (("image_gateway_auth", "kAuthModes"), ("image_gateway_fit", "kFitModes")))
def test_words_that_may_be_written_are_those_of_the_source(entries, source, name, table):
    rows = re.search(rf"{table}\[\] = \{{(.*?)ngx_null_string", source("nginx/directives.cc"), re.DOTALL)[1]
    assert re.findall(r'ngx_string\("(\w+)"\)', rows) == re.findall(r"\w+", entries[HTTP, name]["syntax"])[1:]


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
