"""Links when the client wants bytes: what is fetched and what is not, and that forbidden addresses are never contacted."""

import base64

import pytest
from fakes.behaviours import Reply
from fakes.openai import Delay, Hang, Json, Reset
from fakes.sample_images import sample_image
from fakes.images_host import JPEG, PNG, WEBP, ImagesHost
from harness import background, provider
from harness.gateway import until
from harness.links import ALLOW, OPEN



def adjusted(reply) -> list:
    return [one for one in reply.json["extra_fields"].get("adjustments", []) if one["param"] != "model"]


@pytest.mark.parametrize("path, data, kind", (("/a.png", PNG, "png"), ("/b.jpeg", JPEG, "jpeg"), ("/c.webp", WEBP, "webp")))
def test_a_link_is_fetched_where_bytes_are_wanted(ask, host, path, data, kind):
    reply = ask()(host.origin + path)
    assert reply.status == 200 and base64.b64decode(reply.json["data"][0]["b64_json"], validate=True) == data
    assert set(reply.json["data"][0]) == {"b64_json", "index"} and adjusted(reply) == []
    assert reply.json["extra_fields"]["images"] == [
        {"index": 0, "width": 64, "height": 48, "format": kind, "bytes": len(data), "provenance": None}]
    assert (reply.json["size"], reply.json["output_format"]) == ("64x48", kind)


def test_the_image_is_whole_whatever_its_length_and_pieces(ask, host):
    one = ask()
    for size in (len(PNG), 1000, 1001, 1002, 100_000, 3_000_001):
        host.paths["/x.png"] = PNG if size == len(PNG) else sample_image(64, 48, size_bytes=size)
        reply = one(host.origin + "/x.png")
        assert base64.b64decode(reply.json["data"][0]["b64_json"], validate=True) == host.paths["/x.png"]


def test_no_credentials_go_with_it(ask, host):
    ask()(host.origin + "/a.png", headers={"Authorization": "Bearer sk-mine", "Cookie": "c=1"})
    headers = host.requests[0].headers
    assert not {"authorization", "x-api-key", "api-key", "cookie", "referer", "x-client-request-id"} & set(headers)
    assert headers["user-agent"] == "image-gateway" and headers["accept"] == "image/*"


def test_redirects_are_followed_three_times_and_no_more(ask, host):
    for i in range(4):
        host.redirect(f"/r{i}", f"/r{i + 1}" if i % 2 else f"{host.origin}/r{i + 1}")
    host.paths["/r3"], host.paths["/s4"] = PNG, PNG
    assert "b64_json" in ask()(host.origin + "/r0").json["data"][0]
    host.redirect("/s0", "/s1"), host.redirect("/s1", "/s2"), host.redirect("/s2", "/s3"), host.redirect("/s3", "/s4")
    reply = ask()(host.origin + "/s0")
    assert reply.status == 200 and reply.json["data"][0]["url"] == host.origin + "/s0" and adjusted(reply)


# Each link leads, or tries to lead, to a listener on this machine.
FORBIDDEN = ("http://127.0.0.1:{port}/a.png", "https://127.0.0.1:{port}/a.png", "http://localhost:{port}/a.png",
             "https://localhost:{port}/a.png", "http://[::1]:{port}/a.png", "http://[::ffff:127.0.0.1]:{port}/a.png",
             "http://2130706433:{port}/a.png", "http://0177.0.0.1:{port}/a.png", "http://0x7f.1:{port}/a.png",
             "http://127.1:{port}/a.png", "http://0.0.0.0:{port}/a.png", "http://[::]:{port}/a.png",
             "https://[64:ff9b::7f00:1]:{port}/a.png", "http://user:pass@127.0.0.1:{port}/a.png",
             "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/a.png", "https://[fd00::1]/a.png",
             "https://100.100.100.200/a.png", "http://192.0.2.1/a.png")


@pytest.mark.parametrize("link", FORBIDDEN)
def test_a_link_into_a_private_network_is_refused(ask, host, link):
    reply = ask("")(link.format(port=host.port))
    assert reply.status == 200 and reply.json["data"][0]["url"] == link.format(port=host.port)
    adjustment, = adjusted(reply)
    assert adjustment["param"] == "response_format" and "could be fetched" in adjustment["reason"]
    assert host.requests == [] and host.connections == 0


@pytest.mark.parametrize("link", ("file:///etc/passwd", "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/a.png", "//x/y"))
def test_what_is_no_web_link_is_no_image(ask, host, link):
    reply = ask()(link.format(port=host.port))
    assert reply.status == 502 and reply.json["extra_fields"]["attempts"][0]["outcome"] == "unknown"
    assert host.connections == 0


def test_an_allowed_link_does_not_lead_on_to_a_forbidden_one(ask, host):
    with ImagesHost() as inner:
        host.redirect("/out", f"http://127.0.0.2:{inner.port}/a.png")
        host.redirect("/name", f"http://localhost:{inner.port}/a.png")
        one = ask(f"image_gateway_fetch_allow 127.0.0.1;")
        reply = one(host.origin + "/out")
        assert "url" in reply.json["data"][0] and inner.connections == 0
        host.redirect("/scheme", "file:///etc/passwd")
        assert "url" in one(host.origin + "/scheme").json["data"][0]
        host.redirect("/creds", f"http://user:pass@127.0.0.1:{host.port}/a.png")
        assert "url" in one(host.origin + "/creds").json["data"][0]


def test_an_open_connection_to_a_provider_is_not_used_for_a_link(ask, studio):
    studio._files["/files/own.png"] = PNG
    one = ask("")
    reply = one(studio.origin + "/files/own.png")
    assert "url" in reply.json["data"][0], "the provider itself is private, and kept a connection"
    assert [request.method for request in studio.requests] == ["POST"]


@pytest.mark.parametrize("answer, why", (
    (Reply(200, {"Content-Type": "image/png"}, b"<html>no image</html>"), "does not lead to an image"),
    (Reply(200, {"Content-Type": "image/png"}, b""), "empty"), (Reply(200, {}, PNG[:20]), "does not lead to an image"),
    (Reply(403, {}, PNG), "status 403"), (Reply(500, {}, b"x"), "status 500"), (Reply(204, {}, b""), "status 204")))
def test_what_is_no_image_is_not_passed_off_as_one(ask, host, answer, why):
    host.paths["/x"] = answer
    reply = ask()(host.origin + "/x")
    assert reply.status == 200 and reply.json["data"][0]["url"] == host.origin + "/x"
    assert why in adjusted(reply)[0]["reason"]


def test_a_link_that_leads_nowhere_for_a_moment_is_tried_again(ask, host):
    host.next(Reset())
    assert "b64_json" in ask()(host.origin + "/a.png").json["data"][0]
    assert len(host.requests) == 2


def test_strict_fitting_makes_it_an_error(ask, host):
    reply = ask()(host.origin + "/gone", headers={"X-Image-Gateway-Fit": "strict"}, n=1)
    assert (reply.status, reply.json["error"]["code"]) == (502, "picture_not_fetched")


def test_the_others_are_delivered_when_one_cannot_be(ask, host):
    reply = ask()(host.origin + "/a.png", host.origin + "/gone", host.origin + "/b.jpeg")
    assert [sorted(one)[0] for one in reply.json["data"]] == ["b64_json", "index", "b64_json"]
    assert reply.json["data"][1]["url"].endswith("/gone") and len(adjusted(reply)) == 1


def test_an_image_larger_than_an_answer_may_be_is_not_fetched(ask, host):
    host.paths["/x.png"] = PNG + b"\0" * 200_000
    reply = ask(ALLOW + "image_gateway_answer_max 100k;")(host.origin + "/x.png")
    assert "too large" in adjusted(reply)[0]["reason"]


def test_a_slow_link_ends_with_the_deadline_and_the_answer_is_what_there_is(ask, host):
    host.always(Hang())
    reply = ask()(host.origin + "/a.png", headers={"X-Request-Timeout": "1"})
    assert reply.status == 200 and reply.json["data"][0]["url"] == host.origin + "/a.png"
    assert "deadline" in adjusted(reply)[0]["reason"]


def test_a_client_that_leaves_ends_the_fetch(ask, host, studio):
    host.always(Hang())
    one = ask()
    studio.next(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}]}))
    raw = one.gateway.connect()
    raw.post("/v1/images/generations", {"prompt": "x", "model": "studio/sdxl", "response_format": "b64_json"})
    host.wait_in_flight(1)
    raw.close()
    host.wait_aborted(1)


def test_a_providers_own_link_is_passed_on_with_its_end(gateway, openai_factory):
    studio = openai_factory(family="dalle")
    g = gateway(OPEN, provider("studio", studio))
    for fields in ({"response_format": "url"}, {}):
        reply = g.generate(model="studio/dall-e-3", **fields)
        assert reply.json["data"][0]["url"].startswith(studio.origin)
        ends = reply.json["extra_fields"]["images"][0]["expires_at"]
        assert 3590 <= ends - reply.json["created"] <= 3610


def test_many_links_are_fetched_at_once(ask, host):
    host.always(Delay(0.3))
    done = background(lambda: ask()(*[host.origin + "/a.png"] * 8))
    assert until(lambda: host.in_flight >= 4, 5)
    assert len(done.result().json["data"]) == 8
