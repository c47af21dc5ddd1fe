"""Callers do not reach each other: by keys of idempotency, by ids, by the spelling of a model."""

import pytest
from harness import key_entry, provider, write_keys

ON = "idempotency on;"
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def keyed(gateway, scratch):
    """A gateway with the keys a and b."""
    def start(http, location="", **members):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}", **members) for id in ("a", "b")])
        return gateway(f"image_gateway; image_gateway_keys {keys}; {location}", http)
    return start


def keys_sent(fake) -> list:
    return [one.headers.get("idempotency-key") for one in fake.requests]


# Idempotency-Key


def test_the_same_idempotency_key_of_two_callers_is_not_the_same_to_the_provider(keyed, openai):
    g = keyed(provider("p", openai, ON))
    for headers in ({"x-api-key": "sk-a"}, {"x-api-key": "sk-b"}, {"x-api-key": "sk-a", "X-On-Behalf-Of": "ada"},
                    {"x-api-key": "sk-a", "X-On-Behalf-Of": "bob"}):
        assert g.generate({**headers, "Idempotency-Key": "k-1"}, **MODEL).status == 200
    sent = keys_sent(openai)
    assert len(set(sent)) == 4 and not any("k-1" in key for key in sent)


def test_the_same_idempotency_key_of_one_caller_stays_the_same(keyed, openai):
    g = keyed(provider("p", openai, ON))
    headers = {"x-api-key": "sk-a", "X-On-Behalf-Of": "ada", "Idempotency-Key": "k-1"}
    for request_id in ("r-1", "r-2"):
        g.generate({**headers, "X-Request-Id": request_id}, **MODEL)
    g.generate({**headers, "Idempotency-Key": "k-2"}, **MODEL)
    first, second, other = keys_sent(openai)
    assert first == second != other


def test_a_key_that_is_made_here_never_comes_from_the_client(keyed, openai):
    g = keyed(provider("p", openai, ON))
    for secret in ("sk-a", "sk-a", "sk-b"):
        g.generate({"x-api-key": secret, "X-Request-Id": "r-1"}, **MODEL)
    assert len(set(keys_sent(openai))) == 3 and None not in keys_sent(openai)


@pytest.mark.parametrize("auth", ("off", "optional"))
def test_callers_whom_nobody_knows_share_no_idempotency_key(gateway, scratch, openai, auth):
    keys = write_keys(scratch / "keys.json", [])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_auth {auth};", provider("p", openai, ON))
    for _ in range(2):
        g.generate({"Idempotency-Key": "k-1", "X-Request-Id": "r-1", "X-On-Behalf-Of": "ada"}, **MODEL)
    assert len(set(keys_sent(openai))) == 2 and None not in keys_sent(openai)


def test_without_idempotency_the_provider_is_sent_no_key_at_all(keyed, openai):
    g = keyed(provider("p", openai))
    assert g.generate({"x-api-key": "sk-a", "Idempotency-Key": "k-1"}, **MODEL).status == 200
    assert keys_sent(openai) == [None]
