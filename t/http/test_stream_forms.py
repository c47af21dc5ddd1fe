"""The form of images in a stream: bytes, links, and data: URLs without a store."""

import base64
import re

import pytest
from fakes.event_stream import COMPLETED, PARTIAL
from harness import provider
from test_streams import SANDBOX, events, stream

OPEN = "image_gateway; image_gateway_auth off;"
DATA_URL = re.compile(r"data:image/png;base64,([A-Za-z0-9+/]+=*)")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def keeps(scratch, gateway, openai):
    """A gateway that keeps images, over the sandbox and a provider that streams."""
    return gateway(f"{OPEN} image_gateway_store {scratch}/store;", SANDBOX + provider("p", openai),
                   extra_locations=f"location /plain/ {{ {OPEN} }}")


def kept(scratch) -> list:
    return list((scratch / "store").rglob("*.png"))


def split(text) -> tuple:
    """The previews in order, and the images by index."""
    found = events(text)
    done = {data["index"]: data for name, data in found if name == COMPLETED}
    previews = [data for name, data in found if name == PARTIAL]
    assert len(done) + len(previews) == len(found)
    return previews, done


def adjusted(done) -> list:
    """The adjustments of response_format."""
    return [one for data in done.values() for one in data["extra_fields"].get("adjustments", ())
            if one["param"] == "response_format"]


def test_links_lead_to_images_that_the_gateway_keeps(scratch, keeps):
    _, done = split(stream(keeps, "auto", n=3, size="64x48", response_format="url").text)
    assert sorted(done) == [0, 1, 2]
    urls = {data["url"] for data in done.values()}
    assert len(urls) == 3 == len(kept(scratch))
    for data in done.values():
        assert "b64_json" not in data and data["url"].startswith(f"{keeps.url}/v1/images/files/")
        got = keeps.get(data["url"].removeprefix(keeps.url))
        assert (got.status, got.headers["content-type"]) == (200, "image/png") and got.body.startswith(PNG)
        image, = data["extra_fields"]["images"]
        assert image["bytes"] == len(got.body) and image["expires_at"] > data["created_at"]
    assert adjusted(done) == []


def test_of_a_provider_that_streams_the_image_is_kept_and_its_previews_are_not(scratch, keeps, openai):
    previews, done = split(stream(keeps, "p/gpt-image-1.5", partial_images=2, response_format="url").text)
    assert openai.work[0].json["stream"] is True and "response_format" not in openai.work[0].json
    assert len(previews) == 2 and len(kept(scratch)) == 1
    for data in previews:
        assert "b64_json" not in data
        assert base64.b64decode(DATA_URL.fullmatch(data["url"])[1]).startswith(PNG)
    assert keeps.get(done[0]["url"].removeprefix(keeps.url)).body == kept(scratch)[0].read_bytes()
    assert adjusted(done) == []


@pytest.mark.parametrize("model", ("auto", "p/gpt-image-1.5"))
def test_without_a_store_all_are_data_urls_and_that_is_told(keeps, model):
    previews, done = split(stream(keeps, model, n=2, partial_images=1, response_format="url",
                                  path="/plain/images/generations").text)
    assert len(previews) == 2 and sorted(done) == [0, 1]
    for data in [*previews, *done.values()]:
        assert "b64_json" not in data
        assert base64.b64decode(DATA_URL.fullmatch(data["url"])[1]).startswith(PNG)
    assert {one["requested"] for one in adjusted(done)} == {"url"}


@pytest.mark.parametrize("wish", ({}, {"response_format": "b64_json"}))
@pytest.mark.parametrize("profile", ("unified", "mpilot", "truefoundry"))
def test_bytes_are_given_also_where_links_are_a_profile_s_default(scratch, gateway, profile, wish):
    path = {"truefoundry": "/api/llm/"}.get(profile, "/v1/")
    g = gateway(f"image_gateway profile={profile}; image_gateway_auth off; image_gateway_store {scratch}/store;", SANDBOX,
                location_path=path)
    previews, done = split(stream(g, "sandbox/placeholder", partial_images=1, size="256x256",
                                  path=path + "images/generations", **wish).text)
    assert len(previews) == len(done) == 1 and kept(scratch) == []
    for data in (*previews, done[0]):
        assert "url" not in data and base64.b64decode(data["b64_json"]).startswith(PNG)
