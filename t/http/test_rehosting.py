"""Links of a provider: returned unchanged, or replaced by kept images if the operator configures it."""

import shutil
import time

import pytest
from fakes.openai import Json
from fakes.images_host import GIF, ImagesHost
from harness import provider

OPEN = "image_gateway; image_gateway_auth off;"


@pytest.fixture
def keeps(gateway, scratch, studio):
    def start(options="", location=OPEN, **parts):
        return gateway(f"{location} image_gateway_store {scratch}/store {options};", provider("studio", studio), **parts)
    return start


def test_a_rehosted_link_has_our_expiry_and_another_has_the_providers(keeps, studio):
    with ImagesHost() as host:
        g = keeps("rehost=on ttl=50s", OPEN + "image_gateway_fetch_allow 127.0.0.1;", extra_locations=f"location /as-is/ {{ {OPEN} }}")
        for path, least, most, begins in (("/v1/", 45, 52, g.url), ("/as-is/", 3595, 3605, host.origin)):
            studio.next(Json({"created": 1, "data": [{"url": host.origin + "/d.gif"}]}))
            reply = g.generate(model="studio/dall-e-3", response_format="url", path=path + "images/generations")
            assert reply.json["data"][0]["url"].startswith(begins)
            image, = reply.json["extra_fields"]["images"]
            assert least <= image["expires_at"] - time.time() <= most
            assert (image.get("format"), image.get("bytes")) == (("gif", len(GIF)) if path == "/v1/" else (None, None))
        assert len(host.requests) == 1, "what is passed on is not looked at"


def test_a_link_of_no_known_lifetime_has_no_end(keeps, studio):
    g = keeps()
    reply = g.generate(model="studio/sdxl", response_format="url")
    assert reply.json["data"][0]["url"].startswith(studio.origin)
    assert reply.json["extra_fields"]["images"] == [{"index": 0, "provenance": None}]


@pytest.mark.parametrize("form", ({"response_format": "url"}, {}))
def test_a_link_that_cannot_be_kept_anew_is_passed_on(keeps, studio, form):
    g = keeps("rehost=on")  # it may not be fetched
    reply = g.generate(model="studio/sdxl", **form)
    assert reply.status == 200 and reply.json["data"][0]["url"].startswith(studio.origin)


@pytest.mark.parametrize("form", ({"response_format": "url"}, {}), ids=("url", "as made"))
def test_a_provider_s_link_is_passed_on_when_the_store_is_broken(keeps, scratch, studio, form):
    with ImagesHost() as host:
        g = keeps("rehost=on", OPEN + "image_gateway_fetch_allow 127.0.0.1;")
        shutil.rmtree(scratch / "store")
        studio.next(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
        reply = g.generate(model="studio/sdxl", **form)
        assert reply.status == 200 and reply.json["data"][0].get("url", "no url at all") == host.origin + "/a.png"
