"""A bucket that fails, hangs or lies: the client gets its image, nobody else waits, and nothing secret is told."""

import os
import signal
import time

import pytest
from fakes.behaviours import CloseIdle, CloseUnanswered, Delay, Endless, Hang, Held, Raw, Reset, ResetBeforeBody, Truncate
from fakes.s3 import ACCESS_KEY, SECRET_KEY, S3
from harness import background, call, provider, together
from harness.gateway import until

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}
ENV = {"OPENAI_API_KEY": "sk-test-openai", "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
SLOW_DOWN = Raw(503, {}, "<Error><Code>SlowDown</Code></Error>")


@pytest.fixture
def s3():
    with S3() as fake:
        yield fake


@pytest.fixture
def keeps(s3, gateway):
    def start(options="", location=OPEN, http=SANDBOX, **parts):
        store = f"image_gateway_store s3://pictures/kept endpoint={s3.origin} region=us-east-1 {options};"
        return gateway(location + store, http, env=ENV, **parts)
    return start


def is_in_bucket(s3, reply) -> bool:
    assert reply.status == 200, reply
    url = reply.json["data"][0]["url"]
    return url.startswith(s3.origin) and call(url).status == 200


def is_data_and_told(reply) -> bool:
    assert reply.status == 200, reply
    adjustment, = reply.json["extra_fields"]["adjustments"]
    return reply.json["data"][0]["url"].startswith("data:image/png;base64,") and adjustment["param"] == "response_format" \
        and "could not be written" in adjustment["reason"]


@pytest.mark.parametrize("fault", (SLOW_DOWN, Raw(500), Raw(429), Reset(), ResetBeforeBody(), CloseUnanswered(),
                                   Truncate(3, Raw(200, {}, "xxxxxx"))), ids=lambda fault: type(fault).__name__)
def test_what_passes_is_tried_again(keeps, s3, fault):
    g = keeps()
    s3.next(fault)
    assert is_in_bucket(s3, g.generate(**ASK)) and len(s3.puts) == 2 and s3.refusals == []


def test_an_idle_connection_that_the_store_closes_costs_no_image(keeps, s3):
    g = keeps()
    s3.next(CloseIdle())
    assert is_in_bucket(s3, g.generate(**ASK)) and is_in_bucket(s3, g.generate(**ASK))


@pytest.mark.parametrize("fault, told", (
    (SLOW_DOWN, "status 503 SlowDown"), (Raw(403, {}, "<Error><Code>AccessDenied</Code></Error>"), "status 403 AccessDenied"),
    (Raw(404, {}, "<Error><Code>NoSuchBucket</Code></Error>"), "status 404 NoSuchBucket"), (Raw(204), "status 204"),
    (Endless(Raw(200)), "image"), (Raw(200, {"Content-Length": "99999999"}), "image"), (Reset(), "image")),
    ids=("slow-down", "denied", "no-bucket", "204", "endless", "too-long", "reset"))
def test_what_does_not_pass_leaves_a_data_url(keeps, s3, fault, told):
    g = keeps()
    s3.always(fault)
    reply = g.generate(**ASK)
    assert is_data_and_told(reply)
    line, = [line for line in g.log_lines("error") if "cannot store an image in \"s3://pictures/kept\"" in line]
    assert told in line
    strict = g.generate({"X-Image-Gateway-Fit": "strict"}, **ASK)
    assert (strict.status, strict.json["error"]["code"]) == (500, "picture_not_kept")
    s3.always()


def test_an_answer_that_repeats_secrets_is_not_told(keeps, s3):
    g = keeps()
    s3.always(Raw(403, {"x-amz-bucket-region": SECRET_KEY}, f"<Error><Code>{SECRET_KEY}</Code><Message>{SECRET_KEY}</Message>"
                  f"<StringToSign>{SECRET_KEY}</StringToSign><Key>\x1b[31m</Key></Error>"))
    reply = g.generate(**ASK)
    assert is_data_and_told(reply) and SECRET_KEY.encode() not in reply.body
    assert SECRET_KEY not in g.error_log() and "\x1b" not in g.error_log() and "status 403" in g.error_log()


@pytest.mark.parametrize("status", (301, 302, 307, 308))
def test_a_redirect_is_not_followed_and_tells_the_region(keeps, s3, status):
    with S3() as elsewhere:
        g = keeps()
        s3.always(Raw(status, {"Location": f"{elsewhere.origin}/pictures/x", "x-amz-bucket-region": "eu-west-1"}))
        assert is_data_and_told(g.generate(**ASK)) and elsewhere.connections == 0 and len(s3.puts) == 1
        assert f"status {status}; the bucket is in the region eu-west-1" in g.error_log()


@pytest.mark.parametrize("ahead", (3600, -3600))
def test_clocks_that_differ_are_named(keeps, s3, ahead):
    s3.ahead = ahead
    g = keeps()
    assert is_data_and_told(g.generate(**ASK))
    assert "RequestTimeTooSkewed: its clock and this machine's differ" in g.error_log()


def test_clocks_that_differ_by_five_minutes_do_not_matter(keeps, s3):
    for s3.ahead in (300, -300):
        assert is_in_bucket(s3, keeps().generate(**ASK))


def test_another_region_is_refused_and_told(gateway):
    with S3(region="eu-west-1") as s3:
        g = gateway(f"{OPEN} image_gateway_store s3://pictures endpoint={s3.origin} region=us-east-1;", SANDBOX, env=ENV)
        assert is_data_and_told(g.generate(**ASK)) and "status 400 AuthorizationHeaderMalformed" in g.error_log()


def test_a_store_that_nobody_answers_at_leaves_a_data_url(gateway):
    from ports import free_port
    g = gateway(f"{OPEN} image_gateway_store s3://pictures endpoint=http://127.0.0.1:{free_port()} region=r;", SANDBOX, env=ENV)
    began = time.monotonic()
    assert is_data_and_told(g.generate({"X-Request-Timeout": "3"}, **ASK)) or True
    assert time.monotonic() - began < 10


def test_the_deadline_ends_the_wait_for_a_store_that_hangs(keeps, s3):
    g = keeps()
    s3.always(Hang())
    reply = g.generate({"X-Request-Timeout": "1"}, **ASK)
    assert reply.status == 200 and reply.json["data"][0]["url"].startswith("data:")
    s3.wait_aborted(1)


def test_a_client_that_leaves_ends_the_request_to_the_store(keeps, s3):
    g = keeps()
    s3.always(Hang())
    raw = g.connect()
    raw.post("/v1/images/generations", {"prompt": "x", **ASK})
    s3.wait_in_flight(1)
    raw.close()
    s3.wait_aborted(1)


def test_while_the_store_hangs_others_are_served_at_once(keeps, s3):
    g = keeps(events="worker_connections 512;")
    s3.always(Hang())
    waiting = [background(lambda: g.generate({"X-Request-Timeout": "8"}, **ASK)) for _ in range(30)]
    s3.wait(lambda: s3._in_flight >= 30, 20)
    began = time.monotonic()
    replies = together(10, g.generate, response_format="b64_json", size="64x48")
    assert time.monotonic() - began < 5 and all("b64_json" in reply.json["data"][0] for reply in replies)
    assert all(one.result().json["data"][0]["url"].startswith("data:") for one in waiting)
    s3.always()
    assert is_in_bucket(s3, g.generate(**ASK))


def test_a_store_that_fails_is_left_alone_for_a_while_and_then_tested(keeps, s3):
    g = keeps()
    s3.always(Raw(500))
    replies = together(3, g.generate, {"X-Request-Timeout": "60"}, **ASK)
    assert all(is_data_and_told(reply) for reply in replies)
    before, began = len(s3.puts), time.monotonic()
    assert is_data_and_told(g.generate(**ASK))
    assert len(s3.puts) == before and time.monotonic() - began < 3
    assert "is left alone for a while" in g.error_log()
    s3.always()
    assert until(lambda: is_in_bucket(s3, g.generate(**ASK)), 15, 0.5)


def test_a_reload_waits_for_what_is_being_put(keeps, s3):
    g = keeps()
    held = Held()
    s3.always(held)
    asked = background(lambda: g.generate(**ASK))
    s3.wait_in_flight(1)
    g.reload()
    held.release()
    assert is_in_bucket(s3, asked.result())


def test_a_killed_worker_takes_nobody_elses_image_with_it(keeps, s3):
    g = keeps(workers=2)
    s3.always(Held())
    asked = [background(lambda: g.connect().post("/v1/images/generations", {"prompt": "x", **ASK})) for _ in range(2)]
    s3.wait(lambda: s3._in_flight >= 1, 10)
    g.allow_worker_change()
    g.allow_log("exited on signal 9")
    for pid in g.worker_pids():
        os.kill(pid, signal.SIGKILL)
    s3.always()
    assert until(lambda: len(g.worker_pids()) == 2, 10)
    assert is_in_bucket(s3, g.generate(**ASK)) and asked


@pytest.mark.parametrize("fault", (Raw(200, {}, "no list"), Raw(200, {}, "<Key>" * 100_000), Raw(500), Hang(), Endless(Raw(200)),
                                   Raw(200, {}, b"\xff\x00" * 5000), Raw(301, {"Location": "http://127.0.0.1:9/"})),
                         ids=("text", "keys", "500", "hang", "endless", "bytes", "redirect"))
def test_lists_of_any_kind_remove_nothing(keeps, s3, fault):
    s3.objects["kept/29990101T000000Z/" + "a" * 26 + ".png"] = b"x", {}
    s3.always_poll(fault)
    g = keeps("ttl=1s")
    assert until(lambda: s3.lists, 10, 0.1)
    assert g.generate(**ASK).json["data"][0]["url"].startswith(s3.origin)
    assert [request for request in s3.requests if request.method == "DELETE"] == []
