"""The paths that a location serves: an endpoint after the prefix, with few words allowed before it."""

import re

import pytest
from harness import key_entry, write_keys

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
MAKES = "images/generations"


def status(g, path):
    return g.generate(path=path, size="16x16").status


def test_words_before_the_tail_do_not_avoid_a_stricter_location(gateway, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-a")])
    g = gateway(OPEN, SANDBOX, extra_locations=f"location = /v1/{MAKES} {{ image_gateway; image_gateway_keys {keys}; }}")
    assert status(g, f"/v1/{MAKES}") == 401
    for words in ("x/", "x/y/", "v1x/", "V1/", "v2/", "images/", "images/generations/", "openai/v1/x/", "v1/v1/",
                  "v1/openai/", "openai/openai/", "deployments/", "x/deployments/auto/", "deployments/auto/v1/../../../x/"):
        reply = g.generate(path=f"/v1/{words}{MAKES}", size="16x16")
        assert reply.status == 404 and reply.json["error"]["code"] == "unknown_url", words
    for path in ("/v1/x/models", "/v1/x/models/auto", "/v1/images/models", "/v1/models/"):
        assert g.get(path).status == 404, path


PREFIXES = {"/v1/": "/v1/", "/": "/", "/api/v1/llm/": "/api/v1/llm/", "/img": "/img/", "^~ /app/": "/app/", '"/a b/"': "/a%20b/"}


def test_after_a_prefix_clients_may_put_a_version(gateway):
    others = "".join(f"location {one} {{ {OPEN} }}" for one in PREFIXES if one != "/v1/")
    g = gateway(OPEN, SANDBOX, extra_locations=others)
    for start in [prefix + words for prefix in PREFIXES.values() for words in ("", "v1/", "openai/", "openai/v1/")]:
        assert status(g, f"{start}{MAKES}") == 200, start
        named = g.generate(path=f"{start}deployments/sandbox/placeholder/{MAKES}?api-version=1", model="x/y", size="16x16")
        assert named.status == 200 and named.json["extra_fields"]["model_requested"] == "sandbox/placeholder", start
        assert g.get(f"{start}models").status == g.get(f"{start}models/sandbox/placeholder").status == 200, start
        assert status(g, f"{start}x/{MAKES}") == status(g, f"{start}{MAKES}/x") == 404, start


def test_a_prefix_without_a_slash_ends_at_one(gateway):
    g = gateway(OPEN, SANDBOX, location_path="/v1")
    assert status(g, f"/v1/{MAKES}") == 200
    assert status(g, f"/v1x/{MAKES}") == status(g, f"/v1x/v1/{MAKES}") == 404


@pytest.mark.parametrize("location, path", (
    (f"= /a/b/{MAKES}", f"/a/b/{MAKES}"), (f"/a/b/{MAKES}", f"/a/b/{MAKES}"), ("/a/images/", f"/a/{MAKES}"),
    ("/a/openai/deployments/", f"/a/openai/deployments/auto/{MAKES}"), ("/deployments/auto/", f"/deployments/auto/{MAKES}"),
    ("~ ^/[a-z]+/b/", f"/a/b/c/{MAKES}"), ("~* GENERATIONS$", f"/a/b/c/{MAKES}"), ("/models/v1/", f"/models/v1/{MAKES}")))
def test_the_part_that_the_operator_wrote_may_precede_the_tail(gateway, location, path):
    assert status(gateway(OPEN, SANDBOX, location_path=location), path) == 200


def test_an_operators_rewrite_or_named_location_decides(gateway):
    g = gateway(f"rewrite ^/v1/draw$ /x/y/{MAKES} break; {OPEN}", SANDBOX,
                extra_locations=f"location /n/ {{ try_files /nothing @named; }} location @named {{ {OPEN} }}")
    assert status(g, "/v1/draw") == status(g, f"/n/x/{MAKES}") == 200
    assert status(g, f"/v1/x/{MAKES}") == 404


def test_blocks_inside_a_location_have_its_prefix(gateway):
    g = gateway(f"{OPEN} if ($arg_a) {{ set $b 1; }} limit_except GET POST {{ deny all; }} location /v1/in/ {{ {OPEN} }}", SANDBOX)
    for query in ("", "?a=1"):
        assert status(g, f"/v1/{MAKES}{query}") == status(g, f"/v1/in/{MAKES}{query}") == 200
        assert status(g, f"/v1/x/{MAKES}{query}") == status(g, f"/v1/in/x/{MAKES}{query}") == 404


def locations_of(text) -> list:
    """The gateway locations of a configuration."""
    return re.findall(r"location (\S+)\s*\{[^}]*image_gateway[; ]", re.sub(r"#.*", "", text))


def test_every_location_that_is_written_down_serves_its_clients(project, gateway):
    """The locations of the README and the examples, and the paths of the published APIs."""
    texts = [project / "README.md", project / "docs" / "directives.md", *sorted((project / "examples").glob("*.conf"))]
    locations = sorted({one for text in texts for one in locations_of(text.read_text())} | {"/api/v1/llm/", "/api/llm/"})
    assert {"/v1/", "/openai/", "/api/v1/llm/", "/api/llm/", "/app/"} <= set(locations)
    g = gateway(OPEN, SANDBOX, extra_locations="".join(f"location {one} {{ {OPEN} }}" for one in locations if one != "/v1/"))
    for path in [one + MAKES for one in locations] + [f"/openai/deployments/auto/{MAKES}", f"/openai/v1/{MAKES}"]:
        assert status(g, path) == 200, path
