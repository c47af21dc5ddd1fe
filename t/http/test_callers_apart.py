"""Callers are isolated from each other: by idempotency keys, by ids, by the spelling of a model."""

import json
import sqlite3

import pytest
from fakes.azure_openai import AzureOpenAi
from harness import key_entry, provider, write_keys
from harness.tokens import SigningKey, key_set

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


def test_equal_idempotency_keys_of_two_callers_differ_at_the_provider(keyed, openai):
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
def test_anonymous_callers_share_no_idempotency_key(gateway, scratch, openai, auth):
    keys = write_keys(scratch / "keys.json", [])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_auth {auth};", provider("p", openai, ON))
    for _ in range(2):
        g.generate({"Idempotency-Key": "k-1", "X-Request-Id": "r-1", "X-On-Behalf-Of": "ada"}, **MODEL)
    assert len(set(keys_sent(openai))) == 2 and None not in keys_sent(openai)


def test_without_idempotency_the_provider_is_sent_no_key_at_all(keyed, openai):
    g = keyed(provider("p", openai))
    assert g.generate({"x-api-key": "sk-a", "Idempotency-Key": "k-1"}, **MODEL).status == 200
    assert keys_sent(openai) == [None]


# Tokens and keys


@pytest.fixture
def two_doors(gateway, scratch):
    """/v1/ with the key team-a, and /t/ where each token is a separate caller."""
    signer = SigningKey("HS", "kid")
    (scratch / "jwks.json").write_text(key_set(signer))
    (scratch / "jwks.json").chmod(0o644)
    (scratch / "catalog.json").write_text(json.dumps({"apis": {"sandbox": [
        {"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": 0.01}]}}]}}))
    (scratch / "catalog.json").chmod(0o644)
    keys = write_keys(scratch / "keys.json", [key_entry(
        "team-a", "sk-a", limits={"images_per_day": 2}, budgets=[{"usd": 0.02, "per": "lifetime"}])])
    jwt = f"image_gateway_jwt jwks={scratch}/jwks.json admin_claim=root; image_gateway_limit key images_day=3;"

    def start():
        g = gateway(f"image_gateway; image_gateway_keys {keys};",
                    f"image_gateway_state {scratch}/state/state.db; image_gateway_catalog {scratch}/catalog.json;"
                    "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;",
                    extra_locations=f"location /t/ {{ image_gateway; {jwt} }}",
                    access_format="$status [$image_gateway_key]")
        return g, signer
    return start


def with_key(g):
    return g.generate({"x-api-key": "sk-a"}, size="16x16").status


def with_token(g, signer, **claims):
    token = signer.token(**{"sub": "team-a", **claims})
    return g.generate({"Authorization": f"Bearer {token}"}, path="/t/images/generations", size="16x16").status


def test_a_token_with_the_id_of_a_key_is_another_caller(two_doors, scratch):
    g, signer = two_doors()
    assert [with_token(g, signer) for _ in range(4)] == [200, 200, 200, 429]
    assert with_token(g, signer, root=True) == 200
    assert with_key(g) == 200
    assert g.access_log(6)[4:] == ["200 [token team-a]", "200 [team-a]"]
    g.quit()
    g, signer = two_doors()  # the state file also distinguishes them
    assert [with_key(g) for _ in range(2)] == [200, 402]
    assert with_token(g, signer) == 429
    g.quit()
    with sqlite3.connect(f"file:{scratch}/state/state.db?mode=ro", uri=True) as database:
        spent = database.execute("SELECT key, micro_usd FROM spent WHERE per = 'lifetime'").fetchall()
        named = database.execute("SELECT DISTINCT key FROM usage").fetchall()
    assert spent == [("team-a", 20_000)], "only keys have budgets"
    assert sorted(named) == [("team-a",), ("token team-a",)]


# The spelling of a model


@pytest.fixture
def azure():
    fake = AzureOpenAi().start()
    yield fake
    fake.stop()


SPELLINGS = ("gpt-image-2", "GPT-image-2", "gpt-IMAGE-2")


def test_a_limit_of_a_model_ignores_case(keyed, azure):
    g = keyed(provider("az", azure, api="azure-openai"), model_limits={"az/gpt-image-2": {"images_per_day": 1}})
    statuses = [g.generate({"x-api-key": "sk-a"}, model=f"az/{name}").status for name in SPELLINGS]
    assert statuses[1:] == [429, 429] and len(azure.requests) == 1


def test_a_deployment_is_the_same_model_however_it_is_spelled(keyed, azure):
    g = keyed(provider("az", azure, api="azure-openai"), models=["az/gpt-image-2"])
    listed = g.generate({"x-api-key": "sk-a"}, model="az/GPT-Image-2")
    assert listed.status != 403
    assert azure.requests[-1].json["model"] == "GPT-Image-2", "sent as it was written"
    assert not [one for one in listed.json["extra_fields"].get("adjustments", []) if one["param"] == "model"], \
        "the catalogue knows it"
    assert g.generate({"x-api-key": "sk-a"}, model="AZ/gpt-image-2").status == 404


# Clients without an address


def test_clients_of_a_unix_socket_count_as_one_address(scratch, gateway):
    inner = f"server {{ listen unix:{scratch}/s.sock; location /v1/ {{ image_gateway; image_gateway_auth off;" \
            "image_gateway_limit address requests=2/m; } }"
    g = gateway(f"proxy_pass http://unix:{scratch}/s.sock;",
                "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;" + inner)
    assert [g.generate(size="16x16").status for _ in range(3)] == [200, 200, 429]
