"""Fetching links: what the server sees, what it may answer, and what may happen at the same time."""

import base64
import signal
import time

import pytest
from fakes.behaviours import Chunked, Endless, Raw, Reply, Trickle, Truncate, UntilClose
from fakes.openai import Delay, Hang, Json
from fakes.sample_images import sample_image
from fakes.images_host import GIF, JPEG, PNG, ImagesHost
from harness import background
from harness.gateway import until
from harness.links import ALLOW

STRICT = {"X-Image-Gateway-Fit": "strict"}


def image_of(reply, index=0):
    """The bytes of the image, or None if the reply has its link."""
    assert reply.status == 200, reply
    text = reply.json["data"][index].get("b64_json")
    return base64.b64decode(text, validate=True) if text else None


def reason(reply) -> str:
    return [one["reason"] for one in reply.json["extra_fields"]["adjustments"] if one["param"] == "response_format"][0]


# What the server of the link sees


def test_the_server_of_a_link_learns_nothing_about_us_or_the_caller(ask, host, studio):
    ask()(host.origin + "/a.png?token=t&x=%2F", user="ada", headers={
        "x-api-key": "sk-mine", "Cookie": "c=1", "X-On-Behalf-Of": "ada", "Idempotency-Key": "k", "X-Request-ID": "r-1",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "User-Agent": "mine/1.0", "Accept-Language": "de"})
    seen, = host.requests
    assert (seen.method, seen.path, seen.query, seen.body) == ("GET", "/a.png", "token=t&x=%2F", b"")
    assert seen.headers == {"host": f"127.0.0.1:{host.port}", "user-agent": "image-gateway", "accept": "image/*"}


def test_a_redirect_carries_nothing_over(ask, host):
    with ImagesHost() as second:
        host.paths["/r"] = Reply(302, {"Location": second.origin + "/s", "Set-Cookie": "c=1; Path=/", "Refresh": "0"}, b"")
        second.paths["/s"] = Reply(303, {"Location": host.origin + "/a.png", "Set-Cookie": "d=1"}, b"")
        assert image_of(ask()(host.origin + "/r")) == PNG
        for request in host.requests + second.requests:
            assert set(request.headers) == {"host", "user-agent", "accept"}, request.headers


def test_cookies_of_one_fetch_are_not_sent_with_the_next(ask, host):
    host.paths["/c"] = Reply(200, {"Set-Cookie": "c=1; Path=/", "Alt-Svc": 'h2=":1"; ma=99',
                                   "Strict-Transport-Security": "max-age=999"}, PNG)
    one = ask()
    assert image_of(one(host.origin + "/c")) == image_of(one(host.origin + "/c")) == PNG
    assert "cookie" not in host.requests[1].headers


def test_every_kind_of_redirect_is_followed_by_get(ask, host):
    one = ask()
    for status in (301, 302, 303, 307, 308):
        host.redirect("/r", "a.png", status)
        assert image_of(one(host.origin + "/r")) == PNG, status
    assert [request.method for request in host.requests] == ["GET"] * 10


def test_three_redirects_are_followed_and_the_fourth_is_not(ask, host):
    one = ask()
    for hops, fetched in ((1, True), (2, True), (3, True), (4, False)):
        for hop in range(hops):
            host.redirect(f"/{hops}/{hop}", f"/{hops}/{hop + 1}")
        host.paths[f"/{hops}/{hops}"] = PNG
        reply = one(f"{host.origin}/{hops}/0")
        assert (image_of(reply) == PNG) == fetched, hops
        assert (f"/{hops}/{hops}" in {request.path for request in host.requests}) == fetched, hops


def test_a_circle_of_redirects_ends(ask, host):
    host.redirect("/a", "/b"), host.redirect("/b", "/a")
    assert image_of(ask()(host.origin + "/a")) is None
    assert len(host.requests) <= 8


def test_a_proxy_of_the_environment_is_not_asked(ask, host):
    nowhere = "http://127.0.0.1:1"
    one = ask(env={"OPENAI_API_KEY": "sk-test-openai", "http_proxy": nowhere, "ALL_PROXY": nowhere})
    assert image_of(one(host.origin + "/a.png")) == PNG


# Links as they come


def test_a_gif_is_an_image(ask, host):
    reply = ask()(host.origin + "/d.gif")
    assert image_of(reply) == GIF
    assert reply.json["extra_fields"]["images"] == [{"index": 0, "width": 64, "height": 48, "format": "gif", "bytes": len(GIF), "provenance": None}]


def test_a_link_may_be_escaped_as_json_allows(ask, host, studio):
    one = ask()
    for slash, ampersand, length in (("/", "&", 0), ("\\/", "&", 0), ("/", "\\u0026", 0), ("\\u002f", "\\u0026", 0),
                                     ("/", "&", 6000), ("\\/", "&", 6000)):  # long strings are read in another way
        link = f"{host.origin}/a.png?a=1".replace("/", slash) + f"{ampersand}b={'x' * length}"
        studio.next(Raw(200, {"Content-Type": "application/json"}, '{"created":1,"data":[{"url":"%s"}]}' % link))
        assert image_of(one.gateway.generate(model="studio/sdxl", response_format="b64_json")) == PNG, link
        assert host.requests[-1].query == "a=1&b=" + "x" * length


# TLS


@pytest.mark.parametrize("certificate, trusted", (("good", True), ("untrusted", False), ("wrong_host", False)))
def test_a_certificate_is_verified_against_the_provider_s_authority(ask, certs, certificate, trusted):
    with ImagesHost(tls=getattr(certs, certificate)) as host:
        reply = ask(about_provider=f"ca {certs.ca};")(host.origin.replace("127.0.0.1", "localhost") + "/a.png")
        assert (image_of(reply) == PNG) == trusted
        assert bool(host.requests) == trusted


def test_without_an_authority_of_the_provider_the_system_s_are_trusted(ask, certs):
    with ImagesHost(tls=certs.good) as host:
        assert image_of(ask()(host.origin + "/a.png")) is None
        assert host.requests == []


# What a server may answer


def test_an_image_may_come_in_any_way_http_has(ask, host):
    one = ask()
    for how in (Chunked(), UntilClose(), Trickle(100, 0.005), Chunked(chunk_bytes=7)):
        host.always(how)
        assert image_of(one(host.origin + "/b.jpeg")) == JPEG, how


def test_what_a_server_calls_it_does_not_matter(ask, host):
    for index, kind in enumerate(("text/html", "application/json", "image/webp", "", None)):
        host.paths[f"/{index}"] = Reply(200, {} if kind is None else {"Content-Type": kind}, JPEG)
    reply = ask()(*(f"{host.origin}/{index}" for index in range(5)))
    assert [image_of(reply, index) for index in range(5)] == [JPEG] * 5
    assert {one["format"] for one in reply.json["extra_fields"]["images"]} == {"jpeg"}


NO_IMAGES = {
    "a page": Reply(200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sorry</title>"),
    "a page that says it is an image": Reply(200, {"Content-Type": "image/png"}, b"<html>"),
    "a drawing": Reply(200, {"Content-Type": "image/svg+xml"}, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "nothing": Reply(200, {"Content-Type": "image/png"}, b""),
    "a header cut off": Reply(200, {}, PNG[:24]), "a magic number": Reply(200, {}, b"\x89PNG\r\n\x1a\n"),
    "a part": Reply(206, {"Content-Range": "bytes 0-9/10"}, PNG), "an image with an error": Reply(410, {}, PNG),
    "text before an image": Reply(200, {}, b" " + PNG), "a redirect to nowhere": Reply(302, {}, PNG),
    "compressed": Reply(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\0" + bytes(40)),
}


def test_what_is_no_image_leaves_the_link_and_says_so(ask, host):
    one = ask()
    for name, answer in NO_IMAGES.items():
        host.paths["/x"] = answer
        reply = one(host.origin + "/x")
        assert image_of(reply) is None and reply.json["data"][0]["url"] == host.origin + "/x", name
        assert "not all could be fetched" in reason(reply), name
        assert "width" not in reply.json["extra_fields"]["images"][0], name


def test_an_image_that_breaks_off_is_not_passed_off_as_whole(ask, host):
    one = ask()
    for how in (Truncate(60), Truncate(60, reset=True), Chunked(unfinished=True)):
        host.always(how)
        before = len(host.requests)
        assert image_of(one(host.origin + "/a.png")) is None, how
        assert len(host.requests) == before + 2, "tried once more, and no further"


def test_a_link_that_is_404_for_a_moment_is_asked_once_more(ask, host):
    host.next(Raw(404, {}, "not yet"))
    one = ask()
    assert image_of(one(host.origin + "/a.png")) == PNG and len(host.requests) == 2
    assert "status 404" in reason(one(host.origin + "/gone")) and len(host.requests) == 4


def test_a_body_without_end_stops_at_the_size_cap(ask, host):
    one = ask(ALLOW + "image_gateway_answer_max 300k;")
    for how in (Endless(), Endless(promised=10 ** 12), Endless(of=Raw(200, {}, b"<html>"))):
        host.always(how)
        before = len(host.requests)
        assert "too large" in reason(one(host.origin + "/a.png")), how
        assert len(host.requests) == before + 1, "it is not asked a second time"
    assert until(lambda: host.open_connections == 0, 3)


def test_an_error_s_endless_body_is_not_read(ask, host):
    host.always(Endless(of=Raw(404, {}, b"x")))
    assert "status 404" in reason(ask()(host.origin + "/a.png"))


def test_a_head_without_measure_is_not_read(ask, host):
    long = {f"X-More-{number}": "m" * 1000 for number in range(20)}
    host.paths["/twice"] = Reply(302, {"Location": "/few", **long}, b"")
    host.paths["/few"] = Reply(200, long, PNG)
    one = ask()
    assert image_of(one(host.origin + "/twice")) == PNG
    host.paths["/many"] = Reply(200, {f"X-More-{number}": "m" * 1000 for number in range(70)}, PNG)
    assert image_of(one(host.origin + "/many")) is None


def test_the_size_cap_is_for_the_image_and_exact(ask, host):
    host.paths["/fits"], host.paths["/over"] = (sample_image(64, 48, size_bytes=100 * 1024 + more) for more in (0, 1))
    reply = ask(ALLOW + "image_gateway_answer_max 100k;")(host.origin + "/fits", host.origin + "/over")
    assert len(image_of(reply)) == 100 * 1024 and image_of(reply, 1) is None


# One of several


def test_one_link_of_three_that_fails_stays_a_link(ask, host):
    reply = ask()(host.origin + "/a.png", host.origin + "/gone", host.origin + "/b.jpeg")
    assert [image_of(reply, index) for index in range(3)] == [PNG, None, JPEG]
    assert reply.json["data"][1] == {"url": host.origin + "/gone", "index": 1}
    assert "status 404" in reason(reply)
    assert [one.get("format") for one in reply.json["extra_fields"]["images"]] == ["png", None, "jpeg"]


def test_one_link_of_three_that_fails_is_an_error_where_fitting_is_strict(ask, host):
    links = [host.origin + path for path in ("/a.png", "/gone", "/b.jpeg")]
    one = ask()
    reply = one(*links, headers=STRICT)
    assert (reply.status, reply.json["error"]["code"]) == (502, "picture_not_fetched")
    assert one(*links[:1], headers=STRICT).status == 200


# Timeouts, and clients that leave


def test_a_link_slower_than_the_deadline_is_left_and_answered_in_time(ask, host):
    host.always(Trickle(1, 0.2))
    began = time.monotonic()
    reply = ask()(host.origin + "/a.png", host.origin + "/b.jpeg", headers={"X-Request-Timeout": "1"})
    assert time.monotonic() - began < 3
    assert [one["url"] for one in reply.json["data"]] == [host.origin + "/a.png", host.origin + "/b.jpeg"]
    assert "deadline passed" in reason(reply)
    host.wait_aborted(2)


def test_what_was_fetched_before_the_deadline_is_kept(ask, host):
    host.paths["/slow"] = PNG
    host.is_scripted = lambda head: head.path == "/slow"
    host.always(Hang())
    reply = ask()(host.origin + "/slow", host.origin + "/b.jpeg", headers={"X-Request-Timeout": "1"})
    assert (image_of(reply, 0), image_of(reply, 1)) == (None, JPEG)


def test_a_client_that_leaves_while_links_are_fetched_leaves_no_connection(ask, host, studio):
    host.always(Hang())
    g = ask().gateway
    for leave in ("close", "reset"):
        studio.next(Json({"created": 1, "data": [{"url": host.origin + "/a.png"}, {"url": host.origin + "/b.jpeg"}]}))
        raw = g.connect().post("/v1/images/generations",
                               {"prompt": "x", "model": "studio/sdxl", "response_format": "b64_json", "n": 2})
        host.wait_in_flight(2)
        getattr(raw, leave)()
        host.wait_in_flight(0)
    host.wait_aborted(4)
    assert until(lambda: host.port not in {one.tcp.remote_port for one in g.upstream_connections()}, 3)
    assert g.access_log(2)[0].startswith("499")


@pytest.mark.parametrize("end", ("reload", "quit"))
def test_a_fetch_under_way_is_finished_by_a_worker_that_leaves(ask, host, end):
    host.always(Delay(0.6))
    one = ask()
    waiting = background(lambda: one(host.origin + "/a.png"))
    host.wait_in_flight(1)
    if end == "reload":
        one.gateway.reload()
    else:
        one.gateway.allow_worker_change()
        one.gateway.signal(signal.SIGQUIT)
    assert image_of(waiting.result(10)) == PNG
