"""Webhooks: a signed message about the end of each job that asks for one, until its receiver has it."""

import os
import signal
import subprocess
import time

import pytest
from fakes.behaviours import Hang, Held, Json, Raw
from fakes.webhook_receiver import WebhookReceiver
from harness import key_entry, provider, write_keys
from harness.gateway import until

MODEL = {"model": "p/gpt-image-2"}
HEADER = "X-Image-Gateway-Webhook"
LINE, NEXT_LINE = "0123456789abcdef" * 3, "fedcba9876543210" * 3
OWN = "image_gateway_webhook_allow 127.0.0.0/8;"
SECRET = "token=secret-of-the-receiver"  # in the query of a URL


@pytest.fixture
def key_file(scratch):
    path = scratch / "webhook.key"

    def write(*lines):
        new = scratch / "webhook.key.new"
        new.write_text("".join(line + "\n" for line in lines))
        new.chmod(0o644)
        new.rename(path)
        return path

    write(LINE)
    write.path = path
    return write


@pytest.fixture
def secret_of(project, key_file):
    """The secrets of a caller, as the operator's command prints them."""
    def secrets(id, path=None):
        done = subprocess.run([project / "src/tools/image-gateway", "webhook-secret", id, path or key_file.path],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()
    return secrets


@pytest.fixture
def receiver(secret_of):
    with WebhookReceiver(secret_of("a")) as one:
        yield one


@pytest.fixture
def hooks(scratch, gateway, openai, key_file):
    def start(location=OWN, workers=1, auth="", **parts):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}") for id in ("a", "b")])
        return gateway(f"image_gateway; image_gateway_keys {keys}; {auth} image_gateway_jobs on;"
                       f"image_gateway_webhook_key {key_file.path}; {location} image_gateway_store {scratch}/store;",
                       f"image_gateway_state {scratch}/state/state.db;" + provider("p", openai), workers=workers, **parts)
    return start


def later(url, id="a", **more):
    return {"x-api-key": f"sk-{id}", "Prefer": "respond-async", HEADER: f"{url}?{SECRET}", **more}


def job(g, url, id="a", **more):
    reply = g.generate(later(url, id, **more), **MODEL)
    assert reply.status == 202, reply
    return reply.json["id"]


def no_secret(g):
    """The receiver's secret is in no log."""
    logs = g.error_log() + (g.directory / "access.log").read_text()
    assert SECRET not in logs and "secret-of" not in logs


def test_the_end_of_a_job_is_told_once_and_signed(hooks, receiver, openai):
    g = hooks()
    url = f"{receiver.origin}/hook/1"
    id = job(g, url)
    (request,) = receiver.wait_requests(1)
    assert not receiver.refusals and (request.path, request.query) == ("/hook/1", SECRET)
    message = request.json
    shown = g.get(f"/v1/images/jobs/{id}", {"x-api-key": "sk-a"}).json
    assert message["type"] == "image.job.completed"
    assert message["data"] == {key: shown[key] for key in
                               ("id", "object", "status", "operation", "model", "created_at", "completed_at", "expires_at")}
    assert "b64_json" not in request.body.decode()
    time.sleep(2.5)  # more than two looks at the queue
    assert len(receiver.requests) == 1
    assert "webhook" not in str(shown) and SECRET not in str(shown)
    no_secret(g)


def test_a_job_that_fails_or_is_cancelled_says_so(hooks, receiver, openai):
    g = hooks()
    openai.next(Json({"error": {"message": "no"}}, 400))
    failed = job(g, receiver.origin)
    receiver.wait_requests(1)
    openai.always(Hang())
    cancelled = job(g, receiver.origin)
    openai.wait_in_flight(1)
    g.request("DELETE", f"/v1/images/jobs/{cancelled}", headers={"x-api-key": "sk-a"})
    receiver.wait_requests(2)
    assert [(body["type"], body["data"]["id"]) for _, body in receiver.messages] == [
        ("image.job.failed", failed), ("image.job.cancelled", cancelled)]


def test_bifrosts_paths_and_those_who_wait_get_messages_too(hooks, receiver):
    g = hooks()
    assert g.post("/v1/async/images/generations", {"prompt": "p", **MODEL}, later(receiver.origin)).status == 202
    receiver.wait_requests(1)
    assert g.generate({**later(receiver.origin), "Prefer": "respond-async, wait=20"}, **MODEL).status == 200
    receiver.wait_requests(2)
    assert len(receiver.ids) == 2 and not receiver.refusals


def test_each_caller_has_a_secret_of_its_own(hooks, receiver, secret_of):
    g = hooks(auth="image_gateway_auth optional;")
    (a,), (b,), (nobody,) = secret_of("a"), secret_of("b"), secret_of("")
    assert len({a, b, nobody}) == 3 and a.startswith("whsec_")
    receiver.secrets = [b]
    job(g, receiver.origin, "b")
    receiver.wait_requests(1)
    assert not receiver.refusals
    receiver.secrets = [nobody]
    headers = later(receiver.origin)
    del headers["x-api-key"]
    assert g.generate(headers, **MODEL).status == 202
    receiver.wait_requests(2)
    assert not receiver.refusals
    receiver.secrets = [a]
    job(g, receiver.origin, "b")
    receiver.wait(lambda: len(receiver._requests) == 3)
    assert [one.refused for one in receiver.requests] == [None, None, b""]


def test_a_key_is_replaced_while_messages_are_sent(hooks, receiver, secret_of, key_file, scratch):
    g = hooks()
    old = secret_of("a")
    key_file(NEXT_LINE, LINE)
    g.wait_log("has read .*webhook.key")
    both = secret_of("a")
    assert both[1:] == old and len(both) == 2
    for secrets in (both[:1], both[1:]):
        receiver.secrets = secrets
        job(g, receiver.origin)
        until(lambda: len(receiver.messages) == (1 if secrets == both[:1] else 2), 5)
    assert not receiver.refusals
    assert all(one.headers["webhook-signature"].count("v1,") == 2 for one in receiver.requests)
    key_file("too short")
    g.wait_log("keeps the previous contents: .*one or two keys")
    job(g, receiver.origin)
    receiver.wait_requests(3)
    assert not receiver.refusals


@pytest.mark.parametrize("url", (
    "http://example.com/x", "https://127.0.0.1/x", "https://10.0.0.1/x", "https://[::1]/x", "https://localhost/x",
    "https://169.254.169.254/latest/meta-data", "https://user:pass@example.com/x", "https://example.com/" + 2048 * "a",
    "ftp://example.com/x", "example.com", "https://2130706433/x", "https://example.com/#x"))
def test_a_url_that_may_not_be_is_refused_at_once(hooks, openai, url):
    g = hooks(location="")
    reply = g.generate({**later("x"), HEADER: url}, **MODEL)
    assert reply.status == 400 and reply.json["error"]["param"] == HEADER, reply
    assert not openai.requests and g.get("/v1/images/jobs", {"x-api-key": "sk-a"}).json["data"] == []


def test_without_a_job_or_a_key_the_header_is_refused(hooks, gateway, openai, scratch, receiver):
    g = hooks(extra_locations=f"location /plain/ {{ image_gateway; image_gateway_auth off; image_gateway_store {scratch}/plain;"
                              "image_gateway_jobs on; }")
    plain = {"x-api-key": "sk-a", HEADER: receiver.origin}
    for reply in (g.generate(plain, **MODEL), g.generate({**plain, "Prefer": "wait=9"}, **MODEL),
                  g.generate({**plain, "Prefer": "respond-async"}, path="/plain/images/generations", **MODEL)):
        assert reply.status == 400 and reply.json["error"]["param"] == HEADER, reply
    twice = g.request("POST", "/v1/images/generations", b'{"prompt":"p"}',
                      [("Content-Type", "application/json"), ("x-api-key", "sk-a"), ("Prefer", "respond-async"),
                       (HEADER, receiver.origin), (HEADER, "https://example.com/")])
    assert twice.status == 400 and twice.json["error"]["param"] == HEADER
    assert not openai.requests and not receiver.requests


def test_another_url_with_the_same_idempotency_key_is_another_request(hooks, receiver):
    g = hooks()
    keyed = {"Idempotency-Key": "k"}
    first = job(g, receiver.origin, **keyed)
    assert job(g, receiver.origin, **keyed) == first
    assert g.generate(later(receiver.origin + "/other", **keyed), **MODEL).status == 422
    receiver.wait_requests(1)
    time.sleep(1.5)
    assert len(receiver.requests) == 1


def test_a_failed_attempt_is_repeated_with_the_same_id_and_body_and_a_new_time(hooks, receiver):
    receiver.next(Raw(500), Raw(302, {"Location": f"{receiver.origin}/elsewhere"}))
    g = hooks()
    job(g, f"{receiver.origin}/x")
    requests = receiver.wait_requests(3, timeout=60)  # after 5 s and 15 s more
    assert {one.path for one in requests} == {"/x"}, "no redirect is followed"
    assert len({one.headers["webhook-id"] for one in requests}) == len({one.body for one in requests}) == 1
    times = [int(one.headers["webhook-timestamp"]) for one in requests]
    assert 3 <= times[1] - times[0] <= 9 and 10 <= times[2] - times[1] <= 24
    assert len({one.headers["webhook-signature"] for one in requests}) == 3 and not receiver.refusals
    no_secret(g)


def test_retry_after_is_obeyed(hooks, receiver):
    receiver.next(Raw(429, {"Retry-After": "11"}))
    g = hooks()
    job(g, receiver.origin)
    first, second = receiver.wait_requests(2, timeout=30)
    assert 10.5 <= second.time - first.time <= 16


def test_after_410_no_delivery_to_the_url_begins(hooks, receiver, secret_of):
    receiver.secrets = secret_of("a") + secret_of("b")
    receiver.next(Raw(410))
    g = hooks()
    job(g, f"{receiver.origin}/gone")
    receiver.wait_requests(1)
    g.wait_log("no more messages are sent to this URL")
    refused = until(lambda: (r := g.generate(later(f"{receiver.origin}/gone"), **MODEL)).status == 400 and r, 5)
    assert refused.json["error"]["code"] == "webhook_gone" and refused.json["error"]["param"] == HEADER
    job(g, f"{receiver.origin}/here")
    job(g, f"{receiver.origin}/gone", "b")  # another caller's receiver may be there
    receiver.wait(lambda: len({(one.path, one.headers["webhook-signature"]) for one in receiver._requests}) == 3, 15)
    no_secret(g)


def test_an_address_behind_a_name_is_checked_when_the_socket_opens(hooks, receiver):
    g = hooks(location="image_gateway_webhook_allow 10.0.0.0/8;")
    job(g, f"http://localhost:{receiver.port}/x")
    g.wait_log("webhook message msg_.* to http://localhost:.*not allowed, attempt 1")
    assert receiver.connections == 0
    no_secret(g)


def test_certificates_are_verified(hooks, certs, secret_of):
    with WebhookReceiver(secret_of("a"), tls=certs.untrusted) as bad, \
            WebhookReceiver(secret_of("a"), tls=certs.good) as good:
        g = hooks()
        g.reload(location=g.configuration.location.replace("webhook.key;", f"webhook.key ca={certs.ca};"))
        job(g, bad.origin)
        job(g, good.origin)
        good.wait_requests(1)
        assert not good.refusals
        g.wait_log("webhook message msg_.* to https://127.0.0.1")
        assert not bad.requests


@pytest.mark.parametrize("nginx", (False, True))
def test_a_message_survives_kill_9_between_and_during_attempts(hooks, receiver, nginx):
    receiver.next(Raw(503), Hang())
    g = hooks(workers=2)
    ids = {job(g, receiver.origin)}
    receiver.wait_requests(1)
    if nginx:
        g.crash()
        g = hooks(workers=2)
        receiver.wait_requests(2, 30)
        receiver.wait_in_flight(1)
        g.crash()
        g = hooks(workers=2)
    else:
        g.allow_worker_change()
        g.allow_log("exited on signal 9")
        for _ in range(2):
            for pid in g.worker_pids():
                os.kill(pid, signal.SIGKILL)
            receiver.wait_requests(2, 30)
    receiver.wait(lambda: any(one.headers["webhook-id"] for one in receiver._requests[2:]), 60)
    assert {body["data"]["id"] for _, body in receiver.messages} == ids
    assert len(receiver.ids) == 1


def test_a_killed_job_is_told_as_failed(hooks, receiver, openai):
    openai.always(Hang())
    g = hooks()
    id = job(g, receiver.origin)
    openai.wait_in_flight(1)
    g.kill_worker()
    receiver.wait_requests(1, 30)
    ((_, body),) = receiver.messages
    assert body["type"] == "image.job.failed" and body["data"]["id"] == id


def test_a_reload_and_a_quit_lose_no_message(hooks, receiver, openai):
    held, held_job = Held(), Held()
    receiver.next(held)
    openai.next(held_job)
    g = hooks()
    waiting = job(g, receiver.origin)
    openai.wait_in_flight(1)
    g.reload()  # the job goes on in the old worker
    held_job.release()
    receiver.wait_requests(1, 15)
    held.release()
    receiver.wait(lambda: not receiver._in_flight, 5)
    assert [body["data"]["id"] for _, body in receiver.messages] == [waiting]
    time.sleep(1.5)
    assert len(receiver.requests) == 1


def test_a_slow_receiver_delays_no_other(hooks, secret_of):
    secrets = secret_of("a") + secret_of("b")
    with WebhookReceiver(secrets) as slow, WebhookReceiver(secrets) as quick:
        slow.always(Hang())
        g = hooks()
        for _ in range(40):
            job(g, slow.origin)
        slow.wait_in_flight(8)
        for id in "ab":
            began = time.monotonic()
            count = len(quick.requests)
            job(g, quick.origin, id)
            quick.wait_requests(count + 1, 5)
            assert time.monotonic() - began < 5
        assert slow.in_flight == 8 and not quick.refusals


def test_bodies_of_receivers_are_bounded(hooks, receiver):
    receiver.next(Raw(200, body=b"x" * 20_000_000))
    g = hooks()
    job(g, receiver.origin)
    receiver.wait_requests(1)
    time.sleep(2)
    assert len(receiver.requests) == 1, "the status counts, not the body"


def test_metrics_count_attempts_and_what_waits(hooks, receiver):
    receiver.next(Raw(500))
    g = hooks(extra_locations="location /metrics { image_gateway_metrics access=open; }")
    job(g, receiver.origin)
    receiver.wait_requests(1)

    def figures():
        text = g.get("/metrics").body.decode()
        return [line for line in text.splitlines() if line.startswith("image_gateway_webhook")]

    assert until(lambda: 'image_gateway_webhook_attempts_total{outcome="failed"} 1' in figures(), 5), figures()
    receiver.wait_requests(2, 20)
    assert until(lambda: 'image_gateway_webhook_attempts_total{outcome="delivered"} 1' in figures(), 5), figures()
    assert until(lambda: "image_gateway_webhooks_waiting 0" in figures(), 15), figures()
    assert not any(SECRET in line or "127.0.0.1" in line for line in figures())


@pytest.mark.parametrize("directive, problem", (
    ("image_gateway_webhook_key {short};", "one or two keys, one per line, of at least 32"),
    ("image_gateway_webhook_key {none};", "No such file"),
    ("image_gateway_webhook_key {key} x=y;", "expected ca=FILE"),
    ("image_gateway_webhook_allow 10.0.0.1/8;", "invalid network"),
))
def test_mistakes_are_told_by_nginx_t(nginx_t, openai, scratch, key_file, directive, problem):
    short = scratch / "short"
    short.write_text("short\n")
    text = directive.format(short=short, none=scratch / "none", key=key_file.path)
    ok, output = nginx_t(provider("p", openai) + f"image_gateway_state {scratch}/state/state.db;",
                         f"image_gateway; image_gateway_auth off; image_gateway_jobs on; image_gateway_store {scratch}/store; {text}")
    assert not ok and problem in output, output
