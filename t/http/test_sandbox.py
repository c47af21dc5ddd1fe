"""The built-in provider, and how to rehearse failures with it."""

import base64
import struct
import time

import pytest


def png_size(image: dict) -> tuple:
    data = base64.b64decode(image["b64_json"], validate=True)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"placeholder" in data
    return struct.unpack(">II", data[16:24])


@pytest.fixture
def sandbox(gateway):
    return gateway(http="image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;")


@pytest.mark.parametrize("size", ["256x256", "1024x1024", "1536x1024", "64x2048"])
def test_it_draws_the_size_that_was_asked_for(sandbox, size):
    response = sandbox.generate(size=size)
    assert png_size(response.json["data"][0]) == tuple(map(int, size.split("x")))
    assert response.json["size"] == size
    assert "adjustments" not in response.json["extra_fields"]


def test_several_images_differ(sandbox):
    images = sandbox.generate(n=3, size="128x128").json["data"]
    assert [image["index"] for image in images] == [0, 1, 2]
    assert len({image["b64_json"] for image in images}) == 3


def test_what_it_cannot_do_is_listed(sandbox):
    response = sandbox.generate(size="128x128", output_format="webp", style="vivid", guidance=7.5)
    listed = {each["param"]: each["sent"] for each in response.json["extra_fields"]["adjustments"]}
    assert listed == {"output_format": None, "style": None, "guidance": None}
    assert response.json["output_format"] == "png"


def test_strict_refuses_what_would_be_listed(sandbox):
    response = sandbox.generate(style="vivid", headers={"X-Image-Gateway-Fit": "strict"})
    assert (response.status, response.json["error"]["param"]) == (400, "style")


def test_the_same_seed_draws_the_same_image(sandbox):
    first, second = (sandbox.generate(seed=7, size="128x128").json["data"][0]["b64_json"] for _ in range(2))
    assert first == second


def test_drawing_large_images_stalls_nobody(sandbox):
    from harness import background
    large = [background(sandbox.generate, size="2048x2048", n=10) for _ in range(4)]
    time.sleep(0.05)
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert sandbox.get("/v1/nothing").status == 404
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 0.5
    assert {each.result(60).status for each in large} == {200}


def test_latency_is_what_was_configured(gateway):
    g = gateway(http="image_provider sandbox { api sandbox; latency 300ms..400ms; }")
    response = g.generate(model="sandbox/x", size="64x64")
    assert 300 <= response.json["extra_fields"]["latency"] < 3000


@pytest.mark.parametrize("outcome, status", [
    ("refused_by_policy", 400), ("callers_fault", 400), ("our_credentials", 502), ("out_of_quota", 502),
    ("throttled", 503), ("not_here", 404), ("broken", 502), ("unknown", 502),
])
def test_every_failure_can_be_rehearsed(gateway, outcome, status):
    g = gateway(http="image_provider flaky { api sandbox; fail %s; } image_provider sandbox { api sandbox; }"
                     "image_model auto flaky/x sandbox/x;" % outcome)
    assert g.generate(model="flaky/x").status == status
    again = g.generate(model="auto", size="64x64")
    assert again.status == (400 if status == 400 else 200)


def test_a_rate_of_failures_is_about_what_was_configured(gateway):
    g = gateway(http="image_provider flaky { api sandbox; fail not_here rate=20%; fail broken rate=30%; "
                     "retry off; breaker off; }")
    statuses = [g.generate(model="flaky/x", size="16x16").status for _ in range(200)]
    assert 60 <= statuses.count(200) <= 140
    assert 15 <= statuses.count(404) <= 70
