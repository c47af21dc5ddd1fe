"""Providers that return more than requested: callers get what they requested, and the gateway's memory stays small."""

import base64

from fakes.openai import Json
from fakes.sample_images import sample_image
from fakes.images_host import PNG
from harness import key_entry, provider, write_keys

OPEN = "image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8;"
IMAGE = base64.b64encode(sample_image(16, 16)).decode()
SECRET = "sk-bf-team-a-secret"


def links(host, count):
    host.paths.update({f"/{i}.png": PNG for i in range(count)})
    return Json({"created": 1, "data": [{"url": f"{host.origin}/{i}.png"} for i in range(count)]})


def test_an_answer_with_a_thousand_links_opens_no_more_connections_than_were_asked_for(gateway, studio, host):
    g = gateway(OPEN, provider("studio", studio))
    studio.next(links(host, 1100))
    reply = g.generate(model="studio/sdxl", response_format="b64_json")
    assert reply.status == 200 and len(reply.json["data"]) == 1
    assert [request.path for request in host.requests] == ["/0.png"]
    assert "1099 more images than requested" in str(reply.json["extra_fields"]["adjustments"])


def test_a_limit_of_images_holds_when_the_provider_makes_four_at_a_time(gateway, studio, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", SECRET, limits={"images_per_day": 4})])
    g = gateway("image_gateway;", provider("studio", studio) + f"image_gateway_keys {keys};")
    studio.always(Json({"created": 1, "data": [{"b64_json": IMAGE}] * 4}))
    replies = [g.generate({"Authorization": f"Bearer {SECRET}"}, model="studio/sdxl") for _ in range(5)]
    assert [reply.status for reply in replies] == [200] * 4 + [429]
    assert [len(reply.json["data"]) for reply in replies[:4]] == [1] * 4


def test_an_answer_of_a_hundred_thousand_empty_entries_is_none(gateway, studio):
    g = gateway(OPEN, provider("studio", studio))
    studio.next(Json({"created": 1, "data": [{}] * 100_000}))
    reply = g.generate(model="studio/sdxl")
    assert reply.status == 502 and reply.json["extra_fields"]["attempts"][0]["outcome"] == "unknown"
    assert g.generate(model="studio/sdxl").status == 200
