"""The form of images without response_format: url in the five published APIs, the model's own form in unified."""

import base64

import pytest
from fakes.openai import Json
from fakes.images_host import PNG
from harness import provider
from test_profiles import LEAST, PATHS

PUBLISHED = [profile for profile in PATHS if profile != "unified"]
BYTES = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}


@pytest.fixture
def ask(gateway, openai_factory, scratch):
    """The reply with this profile to this provider response."""
    studio = openai_factory(family="dalle")

    def start(profile, document, more=""):
        path = PATHS[profile]
        location = f"image_gateway profile={profile}; image_gateway_auth off; image_gateway_default_model studio/sdxl; {more}"
        g = gateway("return 404;", provider("studio", studio), location_path="/other/",
                    extra_locations=f"location {path.removesuffix('images/generations')} {{ {location} }}")
        studio.next(Json(document))
        fields = {**LEAST[profile], **({"model": "studio/sdxl"} if "model" in LEAST[profile] else {})}
        reply = g.generate(path=path, **fields)
        assert reply.status == 200, reply
        return reply.json["data"][0], g
    return start


@pytest.mark.parametrize("profile", PUBLISHED)
def test_a_published_api_answers_with_a_link_to_a_kept_image(ask, scratch, profile):
    data, g = ask(profile, BYTES, f"image_gateway_store {scratch}/store;")
    assert set(data) == {"url", "index"} and data["url"].startswith(g.url)
    assert g.get(data["url"].removeprefix(g.url)).body == PNG


@pytest.mark.parametrize("profile", PUBLISHED)
def test_a_published_api_answers_with_a_data_url_where_nothing_is_kept(ask, profile):
    data, _ = ask(profile, BYTES)
    assert set(data) == {"url", "index"} and data["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("profile", PATHS)
def test_a_link_stays_a_link(ask, host, profile):
    data, _ = ask(profile, {"created": 1, "data": [{"url": f"{host.origin}/a.png"}]},
                  "image_gateway_fetch_allow 127.0.0.0/8;")
    assert data == {"url": f"{host.origin}/a.png", "index": 0} and host.requests == []


def test_unified_answers_with_bytes_where_the_model_returns_bytes(ask, scratch):
    data, _ = ask("unified", BYTES, f"image_gateway_store {scratch}/store;")
    assert set(data) == {"b64_json", "index"} and base64.b64decode(data["b64_json"]) == PNG
