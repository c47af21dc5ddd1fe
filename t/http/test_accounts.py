"""Limits and budgets that several gateways share through Redis: real servers, on loopback."""

import json
import re
import signal
import time

import pytest
from fakes.openai import Delay
from harness import background, key_entry, provider, together, write_keys
from harness.gateway import until
from harness.redis import Redis

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
HEADERS = {"x-api-key": "sk-bf-a"}
LEASE = 1  # seconds


@pytest.fixture
def redis_factory():
    servers = []

    def start(*options, **settings) -> Redis:
        servers.append(Redis(*options, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.finish()


@pytest.fixture
def redis(redis_factory):
    return redis_factory()


@pytest.fixture
def shared(gateway, scratch):
    """Starts a gateway whose accounts are at this address."""
    def start(address, http=SANDBOX, more="", workers=1, env=None, keys=None, **members):
        path = scratch / "keys.json"
        if not path.exists() or members or keys:
            write_keys(path, keys or [key_entry("a", "sk-bf-a", **members), key_entry("b", "sk-bf-b")])
        one = gateway(f"image_gateway; image_gateway_keys {path};",
                      f"image_gateway_accounts {address} lease={LEASE}s {more};{http}", workers=workers, env=env)
        time.sleep(0.3)  # a unix socket is open by then; connections to other ports are not looked at
        one.take_baseline()
        return one
    return start


def make(g, headers=HEADERS, **fields):
    return g.generate(headers, **{"size": "16x16", **fields})


def statuses(replies) -> dict:
    found = [reply.status for reply in replies]
    return {status: found.count(status) for status in sorted(set(found))}


def used(redis, field) -> int:
    """The sum of this counter over all that is counted."""
    client = redis.client()
    total = 0
    for key in client("KEYS", "ig:{*}:*"):
        if re.fullmatch(r"ig:\{\w{32}\}:\w{32}", key):
            flat = client("HGETALL", key)
            total += sum(int(value) for name, value in zip(flat[::2], flat[1::2]) if re.fullmatch(field, name))
    client.close()
    return total


# Exactly


def test_three_gateways_admit_together_what_one_would(redis, shared):
    gateways = [shared(redis.address(), workers=2, limits={"requests_per_minute": 60}) for _ in range(3)]
    redis.wait_open(LEASE)
    turns = iter(gateways * 40)
    replies = together(120, lambda: make(next(turns)))
    assert statuses(replies) == {200: 60, 429: 60}
    refused = next(reply for reply in replies if reply.status == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.json["error"]["code"] == "rate_limit_exceeded"
    assert min(int(reply.headers["x-ratelimit-remaining-requests"]) for reply in replies if reply.status == 200) == 0
    assert used(redis, r"r\d+") == 60


def test_of_eleven_hundred_requests_a_thousand_are_admitted(redis, shared):
    gateways = [shared(redis.address(), workers=2, limits={"requests_per_minute": 1000}) for _ in range(3)]
    redis.wait_open(LEASE)
    began = time.monotonic()
    found = together(11, lambda: [make(gateways[n % 3]).status for n in range(100)], timeout=300)
    assert time.monotonic() - began < 60, "the first requests may count no longer"
    found = [status for some in found for status in some]
    assert (found.count(200), found.count(429)) == (1000, 100)


def test_images_of_the_minute_and_the_day_are_counted_together(redis, shared):
    one, other = (shared(redis.address(), limits={"images_per_minute": 5, "images_per_day": 9}) for _ in range(2))
    redis.wait_open(LEASE)
    first = make(one, n=3)
    assert first.status == 200 and first.headers["x-ratelimit-remaining-images"] == "2"
    refused = make(other, n=3)
    assert refused.status == 429 and "5 images per minute" in refused.json["error"]["message"]
    assert make(other, n=2).status == 200
    assert make(one).status == 429


def test_a_budget_is_spent_to_the_cent_over_all_gateways(redis, shared, openai, scratch):
    catalog = scratch / "catalog.json"
    catalog.write_text(json.dumps({"providers": {"p": [
        {"model": "gpt-image-2", "family": "gpt-image-2", "price": {"per_image": [{"usd": 0.04}]}}]}}))
    catalog.chmod(0o644)
    http = f"image_gateway_catalog {catalog};" + provider("p", openai)
    gateways = [shared(redis.address(), http, budgets=[{"usd": 0.41, "per": "month"}]) for _ in range(3)]
    redis.wait_open(LEASE)
    turns = iter(gateways * 10)
    replies = together(30, lambda: make(next(turns), model="p/gpt-image-2", size=None))
    assert statuses(replies) == {200: 10, 402: 20}
    assert len(openai.requests) == 10
    until(lambda: used(redis, "s4") == 400_000, 3)
    assert (used(redis, "s4"), used(redis, "h")) == (400_000, 0)
    spent = make(gateways[0], model="p/gpt-image-2", size=None)
    assert "$0.41 per month, has $0.01 left" in spent.json["error"]["message"]


def test_models_and_end_users_have_limits_over_all_gateways(redis, shared):
    one, other = (shared(redis.address(), end_user={"limits": {"requests_per_minute": 2}}, limits={"requests_per_minute": 10},
                         model_limits={"sandbox/*": {"images_per_minute": 3}}) for _ in range(2))
    redis.wait_open(LEASE)
    ann = {**HEADERS, "X-On-Behalf-Of": "ann"}
    assert [make(g, ann).status for g in (one, other, one)] == [200, 200, 429]
    assert [make(g).status for g in (other, other)] == [200, 429]


def test_who_has_no_limits_costs_redis_nothing(redis, shared):
    one = shared(redis.address(), limits={"requests_per_minute": 10})
    redis.wait_open(LEASE)
    assert make(one, {"x-api-key": "sk-bf-b"}).status == 200
    assert redis("KEYS", "ig:{*}:*") in ([], ["ig:{}:w"])


# Deaths


def test_a_killed_gateway_gives_its_slots_back_within_a_lease(redis, shared, openai):
    openai.always(Delay(20))
    http = provider("p", openai)
    one, other = (shared(redis.address(), http, limits={"concurrent": 1}) for _ in range(2))
    redis.wait_open(LEASE)
    waiting = background(lambda: make(one, model="p/gpt-image-2", size=None))
    assert until(lambda: openai.requests, 5)
    openai.always()
    assert make(other, model="p/gpt-image-2", size=None).status == 429
    one.crash()
    began = time.monotonic()
    assert until(lambda: make(other, model="p/gpt-image-2", size=None).status == 200, 10, 0.1)
    assert time.monotonic() - began < LEASE * 4
    waiting.exception(30)


def test_what_a_killed_gateway_held_counts_as_spent(redis, shared, openai, scratch):
    catalog = scratch / "catalog.json"
    catalog.write_text(json.dumps({"providers": {"p": [
        {"model": "gpt-image-2", "family": "gpt-image-2", "price": {"per_image": [{"usd": 0.04}]}}]}}))
    catalog.chmod(0o644)
    http = f"image_gateway_catalog {catalog};" + provider("p", openai)
    one, other = (shared(redis.address(), http, budgets=[{"usd": 0.08, "per": "lifetime"}]) for _ in range(2))
    redis.wait_open(LEASE)
    openai.always(Delay(20))
    waiting = background(lambda: make(one, model="p/gpt-image-2", size=None))
    assert until(lambda: used(redis, "h") == 40_000, 5)
    openai.always()
    one.crash()
    time.sleep(LEASE * 2)
    assert [make(other, model="p/gpt-image-2", size=None).status for _ in range(2)] == [200, 402]
    assert until(lambda: (used(redis, "h"), used(redis, "s4")) == (0, 80_000), 3)
    waiting.exception(30)


def test_a_gateway_that_quits_has_told_redis_all_it_did(redis, shared):
    one = shared(redis.address(), limits={"images_per_minute": 10, "concurrent": 5})
    redis.wait_open(LEASE)
    assert make(one, n=2).status == 200
    one.quit()
    assert (used(redis, "c"), used(redis, r"i\d+")) == (0, 2)


def test_a_client_that_leaves_holds_nothing(redis, shared, openai):
    openai.always(Delay(20))
    one = shared(redis.address(), provider("p", openai), limits={"concurrent": 1})
    redis.wait_open(LEASE)
    raw = one.connect().post("/v1/images/generations", {"prompt": "a", "model": "p/gpt-image-2"}, HEADERS)
    assert until(lambda: used(redis, "c") == 1, 5)
    raw.close()
    assert until(lambda: used(redis, "c") == 0, 5)


def test_a_client_that_leaves_while_redis_is_asked_leaves_no_connection(redis, shared):
    """The descriptors of the worker are compared at the test's end."""
    one = shared(redis.address(), limits={"requests_per_minute": 1000})
    redis.wait_open(LEASE)
    for _ in range(40):
        one.connect().post("/v1/images/generations", "{", HEADERS, promised=100_000).close()
    assert until(lambda: make(one).status == 200, 5)


# Faults


@pytest.mark.parametrize("on_error, limited, after", (("serve", 200, 429), ("refuse", 503, 503)))
def test_without_redis_each_gateway_keeps_the_limits_alone_or_refuses(redis, shared, on_error, limited, after):
    one = shared(redis.address(), more=f"on_error={on_error}", limits={"requests_per_minute": 2})
    redis.wait_open(LEASE)
    redis.stop()
    assert until(lambda: make(one).status == limited, 5, 0.2)
    until(lambda: make(one).status == after, 3)
    reply = make(one)
    assert reply.status == after
    if after == 503:
        assert reply.json["error"]["code"] == "accounts_unavailable" and reply.headers["Retry-After"] == "1"
    assert make(one, {"x-api-key": "sk-bf-b"}).status == 200
    redis.start()
    one.wait_log("is reached again", 10)


def test_without_redis_a_budget_is_refused(redis, shared):
    one = shared(redis.address(), budgets=[{"usd": 1, "per": "month"}])
    redis.wait_open(LEASE)
    assert make(one).status == 200
    redis.stop()
    assert until(lambda: make(one).status == 503, 5)
    assert until(lambda: make(one).json["error"]["code"] == "accounts_unavailable", 3)
    redis.start()
    assert until(lambda: make(one).status == 200, 10, 0.2)


def test_a_paused_redis_delays_one_request_for_the_timeout_and_then_none(redis, shared):
    one = shared(redis.address(), more="timeout=500ms on_error=refuse", limits={"requests_per_minute": 100})
    redis.wait_open(LEASE)
    assert make(one).status == 200
    redis("CLIENT", "PAUSE", 4000)
    began = time.monotonic()
    assert make(one).status == 503
    assert 0.4 < time.monotonic() - began < 3
    began = time.monotonic()
    assert statuses(make(one) for _ in range(20)) == {503: 20}
    assert time.monotonic() - began < 1.5
    assert until(lambda: make(one).status == 200, 15, 0.2)
    assert until(lambda: used(redis, "c") == 0, 3)


def test_slots_are_not_doubled_by_a_pause_that_is_longer_than_a_lease(redis, shared, openai):
    openai.always(Delay(12))
    http = provider("p", openai)
    one, other = (shared(redis.address(), http, more="timeout=500ms on_error=refuse", limits={"concurrent": 1}) for _ in range(2))
    redis.wait_open(LEASE)
    waiting = background(lambda: make(one, model="p/gpt-image-2", size=None))
    assert until(lambda: openai.requests, 5)
    redis("CLIENT", "PAUSE", 3000)
    assert until(lambda: make(other, model="p/gpt-image-2", size=None).status == 429, 15, 0.1)
    assert len(openai.requests) == 1
    waiting.exception(30)


def test_a_redis_that_has_forgotten_everything_is_told_what_it_must_know(redis, shared, openai):
    http = provider("p", openai)
    one, other = (shared(redis.address(), http, more="on_error=refuse", limits={"requests_per_minute": 3, "concurrent": 2})
                  for _ in range(2))
    redis.wait_open(LEASE)
    assert make(one, model="p/gpt-image-2", size=None).status == 200
    openai.always(Delay(20))
    raw = one.connect().post("/v1/images/generations", {"prompt": "a", "model": "p/gpt-image-2"}, HEADERS)
    assert until(lambda: len(openai.requests) == 2, 5)
    openai.always()
    redis.stop()
    redis.start()
    assert until(lambda: used(redis, r"r\d+") == 2, 10)
    assert used(redis, "c") == 1
    replies = []
    until(lambda: replies.append(make(other, model="p/gpt-image-2", size=None).status) or replies[-1] == 429, 10, 0.1)
    assert replies.count(200) == 1 and set(replies) <= {503, 200, 429}
    raw.close()


def test_a_redis_that_loses_its_scripts_is_given_them_again(redis, shared):
    one = shared(redis.address(), limits={"requests_per_minute": 9})
    redis.wait_open(LEASE)
    redis("SCRIPT", "FLUSH")
    assert make(one).status == 200


# Ways to it


def test_a_wrong_password_is_said_once_and_nowhere_written(redis_factory, shared):
    redis = redis_factory(password="right-horse")
    one = shared(f"redis://:wrong-battery@127.0.0.1:{redis.port}", more="on_error=refuse", limits={"requests_per_minute": 9})
    one.wait_log("WRONGPASS")
    assert make(one).status == 503
    time.sleep(1.5)
    log = one.error_log()
    assert len(re.findall("WRONGPASS", log)) == 1 and "battery" not in log
    assert f"redis://127.0.0.1:{redis.port}/0: WRONGPASS" in log


def test_password_user_and_database_are_used(redis_factory, shared):
    redis = redis_factory()
    redis("ACL", "SETUSER", "gate", "on", ">pass%word", "~*", "+@all")
    one = shared(f"redis://gate:pass%25word@localhost:{redis.port}/3", limits={"requests_per_minute": 9})
    client = redis.client()
    client("SELECT", 3)
    until(lambda: client("HGET", "ig:server", "open"), 5)
    time.sleep(LEASE + 0.1)
    assert make(one).status == 200
    assert len(client("KEYS", "ig:{*}:*")) > 0
    client.close()


def test_the_address_may_be_in_the_environment_and_the_socket_a_unix_socket(redis, shared):
    one = shared("env:ACCOUNTS", env={"ACCOUNTS": f"redis://unix:{redis.socket}"}, limits={"requests_per_minute": 1})
    redis.wait_open(LEASE)
    assert [make(one).status for _ in range(2)] == [200, 429]


def test_with_tls_only_the_right_server_is_asked(redis_factory, shared, certs):
    redis = redis_factory(tls=(*certs.good, certs.ca))
    one = shared(f"rediss://localhost:{redis.tls_port}", more=f"ca={certs.ca}", limits={"requests_per_minute": 1})
    redis.wait_open(LEASE)
    assert [make(one).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("host, which, words", (("localhost", "wrong_host", "hostname mismatch"),
                                                ("127.0.0.1", "wrong_host", "IP address mismatch"),
                                                ("localhost", "untrusted", "its certificate is not accepted: ")))
def test_with_tls_another_server_is_not_asked(redis_factory, shared, certs, host, which, words):
    redis = redis_factory(tls=(*getattr(certs, which), certs.ca))
    one = shared(f"rediss://{host}:{redis.tls_port}", more=f"ca={certs.ca} on_error=refuse", limits={"requests_per_minute": 1})
    one.wait_log(words)
    assert make(one).status == 503
    assert redis("KEYS", "*") == []


def test_the_configuration_needs_no_redis(nginx_t):
    done = nginx_t("image_gateway_accounts redis://nobody.invalid:1/0;" + SANDBOX)
    assert done.ok, done.output


@pytest.mark.parametrize("text, words", (
    ("http://x", "does not begin with redis://"), ("redis://:geheim@", "it has no host name"),
    ("redis://:geheim@x:0", "the port is not"), ("redis://x/seven", "number of the database"),
    ("redis://x ca=ca.pem", "are for rediss://"), ("redis://x timeout=0", "time"), ("redis://x geheim=1", "invalid parameter"),
    ("shared_memory timeout=1s", "has no parameters"), ("redis://x password=geheim", "expected env:NAME or file:PATH"),
    ("rediss://x cert=a.pem", "need each other"), ("redis://unix:relative", "does not begin with")), ids=str)
def test_a_mistake_in_the_directive_is_explained_without_the_password(nginx_t, text, words):
    done = nginx_t(f"image_gateway_accounts {text};" + SANDBOX)
    assert not done.ok and words in done.output and "geheim" not in done.output, done.output
