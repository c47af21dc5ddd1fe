"""No key, neither a provider's nor a caller's, appears in a reply or a log."""

import pytest
from fakes.openai import ERRORS, Error, Hang, Json, Raw, Reset
from harness import key_entry, provider, write_keys

PROVIDERS = "sk-proj-the-providers-key"
CALLERS, DISABLED, UNKNOWN = "sk-bf-the-callers-key", "sk-bf-the-disabled-key", "sk-the-unknown-key"
SECRETS = (PROVIDERS, CALLERS, DISABLED, UNKNOWN)

ATTEMPTS = "$image_gateway_provider $image_gateway_key $image_gateway_outcome $image_gateway_attempts"


@pytest.fixture
def keyed(scratch):
    entries = [key_entry("team-a", CALLERS, limits={"requests_per_minute": 1000}),
               key_entry("off", DISABLED, disabled=True),
               key_entry("slow", "sk-bf-slow", limits={"requests_per_minute": 1})]
    return f"image_gateway; image_gateway_keys {write_keys(scratch / 'keys.json', entries)};"


@pytest.fixture
def fake(openai_factory):
    return openai_factory(keys=PROVIDERS)


def quoting(status: int) -> Error:
    """A provider that quotes the key in every field."""
    return Error(status, f"code-{PROVIDERS}", f"type {PROVIDERS}", f"Wrong key {PROVIDERS}, {PROVIDERS}!",
                 f"param.{PROVIDERS}")


HOSTILE = [quoting(status) for status in (400, 401, 403, 404, 422, 429, 500, 503)] + [
    Raw(500, body=PROVIDERS), Raw(200, body=PROVIDERS), Json({"error": PROVIDERS}), Json({"data": [PROVIDERS]}),
    Json({"error": {"message": "a" * 100 + PROVIDERS}}, 400), Raw(302, {"Location": f"/{PROVIDERS}"}), Reset()]


def everything(replies) -> str:
    return "\n".join(f"{reply.headers}\n{reply.body.decode(errors='replace')}" for reply in replies)


def assert_nowhere(g, replies):
    places = {"answers": everything(replies), "error.log": g.error_log(), "access.log": "\n".join(g.access_log())}
    leaks = [f"{where}: {line}" for where, text in places.items() for line in text.splitlines()
             if any(secret in line for secret in SECRETS)]
    assert not leaks, "\n".join(leaks)


def test_what_a_provider_says_does_not_carry_its_key_to_callers_or_logs(gateway, keyed, fake):
    g = gateway(keyed, provider("p", fake, key="env:KEY"), env={"KEY": PROVIDERS}, access_format=ATTEMPTS)
    replies = []
    for behaviour in [*ERRORS.values(), *HOSTILE]:
        fake.next(behaviour)
        replies.append(g.generate({"x-api-key": CALLERS}, model="p/gpt-image-2"))
    assert fake.refusals == [] and all(reply.status >= 400 for reply in replies)
    assert_nowhere(g, replies)


def test_a_refused_providers_key_is_not_told(gateway, keyed, fake):
    g = gateway(keyed, provider("p", fake, key="env:WRONG"), env={"WRONG": UNKNOWN})
    reply = g.generate({"x-api-key": CALLERS}, model="p/gpt-image-2")
    assert reply.status == 502 and len(fake.refusals) == 1
    assert_nowhere(g, [reply])


def test_a_provider_that_cannot_be_reached_reveals_no_secret(gateway, keyed, fake, certs, openai_factory):
    tls = openai_factory(tls=certs.untrusted, keys=PROVIDERS)
    key = "key env:KEY; timeout connect=1s total=1s;"
    g = gateway(keyed, f"image_provider closed {{ api openai; url http://127.0.0.1:9/v1; {key} }}"
                       f"image_provider nowhere {{ api openai; url http://no.such.host.invalid/v1; {key} }}"
                       f"image_provider proxied {{ api openai; url http://127.0.0.1:9/v1; {key} "
                       f"proxy http://user:{UNKNOWN}@127.0.0.1:9; }}"
                + provider("slow", fake, "timeout total=500ms;", key="env:KEY")
                + provider("tls", tls, key="env:KEY"), env={"KEY": PROVIDERS})
    fake.always(Hang())
    replies = [g.generate({"x-api-key": CALLERS}, model=f"{name}/gpt-image-2")
               for name in ("closed", "nowhere", "proxied", "slow", "tls")]
    assert [reply.status for reply in replies] == [502, 502, 502, 504, 502]
    assert_nowhere(g, replies)


def test_a_callers_credentials_are_repeated_nowhere(gateway, keyed):
    g = gateway(f"{keyed} limit_except POST {{ deny all; }}", "image_provider s { api sandbox; } image_model auto s/x;")
    replies = []
    for secret in (CALLERS, DISABLED, UNKNOWN):
        for name, value in (("Authorization", f"Bearer {secret}"), ("Authorization", secret), ("x-api-key", secret),
                            ("Authorization", f"Basic {secret}"), ("api-key", secret), ("x-bf-vk", secret)):
            for path in ("/v1/images/generations", "/v1/nothing", "/v1/deployments/nobody/images/generations"):
                headers = [(name, value), ("X-Request-Timeout", "1")]
                replies += [g.post(path, {"prompt": "kite", "size": "8x8"}, headers), g.get(path, headers),
                            g.post(path, {"prompt": ""}, headers), g.post(path, {}, [*headers, ("x-api-key", "two")]),
                            g.post(path, headers=headers, body=b"x" * 100),
                            g.post(path, {}, [*headers, ("X-Request-Id", "\x7f")])]
    assert {reply.status for reply in replies} == {200, 400, 401, 403, 404, 415}
    assert_nowhere(g, replies)


def test_a_limit_names_the_key_by_its_id_at_most(gateway, keyed):
    g = gateway(keyed, "image_provider s { api sandbox; } image_model auto s/x;")
    replies = [g.generate({"x-api-key": "sk-bf-slow"}) for _ in range(2)]
    assert replies[1].status == 429
    assert "sk-bf-slow" not in everything(replies) + g.error_log()


def test_workers_show_no_keys_in_their_titles(gateway, keyed, fake):
    g = gateway(keyed, provider("p", fake, key="env:KEY"), env={"KEY": PROVIDERS})
    for pid in (g.pid, *g.worker_pids()):
        with open(f"/proc/{pid}/cmdline", "rb") as title:
            assert PROVIDERS.encode() not in title.read()
