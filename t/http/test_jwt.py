"""Tokens as credentials: which are accepted, which are not, and where the keys come from."""

import hashlib
import hmac
import json
import time

import pytest
from fakes.behaviours import Reply
from fakes.images_host import ImagesHost
from harness import Flood, key_entry, write_keys
from harness.gateway import until
from harness.tokens import SigningKey, encode, key_set

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
TYPES = ("HS", "RSA", "P-256", "P-384", "Ed25519")


@pytest.fixture(scope="module")
def signers() -> dict:
    return {type: SigningKey(type, f"kid-{type}") for type in TYPES}


@pytest.fixture
def trusting(scratch, gateway):
    """A gateway that trusts these keys, with the virtual keys team-a and others."""
    def start(*keys, more="", location="", jwks=None, virtual=True, workers=1, **parts):
        path = scratch / "jwks.json"
        path.write_text(key_set(*keys))
        path.chmod(0o644)
        ring = write_keys(scratch / "keys.json", [
            key_entry("team-a", "sk-bf-a", models=["auto"], limits={"requests_per_minute": 3}),
            key_entry("off", "sk-off", disabled=True), key_entry("old", "sk-old", expires="2020-01-01T00:00:00Z")])
        return gateway(f"image_gateway; image_gateway_jwt jwks={jwks or path} {more}; {location} " +
                       (f"image_gateway_keys {ring};" if virtual else ""), SANDBOX, workers=workers, **parts)
    return start


def ask(g, token, header="Authorization"):
    return g.get("/v1/models", {header: f"Bearer {token}" if header == "Authorization" else token})


def make(g, token, **headers):
    return g.post("/v1/images/generations", {"prompt": "a", "size": "16x16"},
                  {"Authorization": f"Bearer {token}", **headers})


def assert_refused(reply, code="invalid_token", status=401):
    assert reply.status == status and reply.json["error"]["code"] == code, reply
    if status == 401:
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_algorithm_opens_the_door(trusting, signers):
    g = trusting(*signers.values())
    for signer in signers.values():
        for algorithm in signer.algorithms:
            assert ask(g, signer.token(algorithm=algorithm)).status == 200, algorithm
    assert ask(g, signers["RSA"].token(), "x-api-key").status == 200
    assert ask(g, "sk-bf-a").status == 200, "keys are taken as before"


def test_a_token_has_the_rights_and_limits_of_its_key(trusting, signers):
    g = trusting(signers["RSA"], access_format="$status $image_gateway_key")
    token = signers["RSA"].token()
    assert [make(g, token).status for _ in range(3)] == [200] * 3
    assert make(g, "sk-bf-a").status == 429, "it is the same key"
    assert g.access_log(4)[0] == "200 team-a"
    assert_refused(ask(g, signers["RSA"].token(sub="nobody")), "invalid_api_key")
    assert_refused(ask(g, signers["RSA"].token(sub="old")), "expired_api_key")
    assert ask(g, signers["RSA"].token(sub="off")).status == 403
    reply = g.post("/v1/images/generations", {"prompt": "a", "model": "sandbox/x"}, {"Authorization": f"Bearer {token}"})
    assert reply.status in (403, 429)


def test_without_keys_a_token_is_its_own(trusting, signers):
    g = trusting(signers["P-256"], virtual=False, location="image_gateway_limit key requests=2/m;",
                 access_format="$status $image_gateway_key")
    assert [make(g, signers["P-256"].token(sub="alice")).status for _ in range(3)] == [200, 200, 429]
    assert make(g, signers["P-256"].token(sub="bob")).status == 200
    assert g.access_log(4)[3] == "200 token bob"
    assert_refused(ask(g, "sk-bf-a"), "invalid_api_key")


def test_an_administrator_is_not_limited(trusting, signers):
    g = trusting(signers["RSA"], more="admin_claim=realm_access.roles=images-admin",
                 location="image_gateway_limit key requests=1/m; image_gateway_limit address requests=1/m;")
    token = signers["RSA"].token(realm_access={"roles": ["user", "images-admin"]})
    replies = [make(g, token) for _ in range(5)]
    assert [reply.status for reply in replies] == [200] * 5
    assert replies[0].headers["x-ratelimit-limit-requests"] is None
    other = signers["RSA"].token(realm_access={"roles": ["user"]})
    assert [make(g, other).status for _ in range(4)] == [200, 200, 200, 429]


def test_issuer_audience_and_times_are_held_to(trusting, signers):
    g = trusting(signers["RSA"], more="issuer=https://id.example.com audience=images leeway=5s")
    sign, now = signers["RSA"].token, int(time.time())
    right = {"iss": "https://id.example.com", "aud": ["other", "images"]}
    assert ask(g, sign(**right)).status == 200
    assert ask(g, sign(**right, nbf=now + 3, iat=now - 9)).status == 200
    assert_refused(ask(g, sign(**{**right, "iss": "https://evil.example.com"})))
    assert_refused(ask(g, sign(**{**right, "aud": "other"})))
    assert_refused(ask(g, sign(**right, nbf=now + 60)))
    assert_refused(ask(g, sign(**{**right, "exp": now - 10})), "expired_token")
    assert_refused(ask(g, sign(claims={**right, "sub": "team-a"})))


def attacks(signers):
    """Names and tokens of published attacks, and of some others."""
    rsa, point, secret = signers["RSA"], signers["P-256"], signers["HS"]
    claims = {"sub": "team-a", "exp": int(time.time()) + 3600}
    for none in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {none!r} without a signature", f"{encode({'alg': none})}.{encode(claims)}."
        yield f"alg {none!r} with one", f"{encode({'alg': none})}.{encode(claims)}.{encode('x')}"
    for known in (rsa.public_pem, encode(key_set(rsa)).encode(), rsa.jwk()["n"].encode()):
        signed = f"{encode({'alg': 'HS256', 'kid': rsa.kid})}.{encode(claims)}"
        yield "RSA's public key as a secret", f"{signed}.{encode(hmac.digest(known, signed.encode(), 'sha256'))}"
    own = SigningKey("RSA", rsa.kid)
    yield "another key under the same kid", own.token()
    for header in ({"jwk": own.jwk()}, {"jku": "https://evil.example.com/jwks.json"},
                   {"x5u": "https://evil.example.com/cert.pem"}, {"x5c": [encode(own.public_pem)]}):
        yield f"a key that the token brings itself: {list(header)}", own.token(header=header)
    for kid in ("../../../../dev/null", "' OR 1=1 --", "/etc/passwd", "", 7, None, ["kid-RSA"], "a" * 4000, "kid-RSA\0"):
        yield f"kid {str(kid)[:20]!r}", own.token(header={"kid": kid})
    empty = f"{encode({'alg': 'HS256', 'kid': '/dev/null'})}.{encode(claims)}"
    yield "an empty secret", f"{empty}.{encode(hmac.digest(b'', empty.encode(), 'sha256'))}"
    yield "crit", rsa.token(header={"crit": ["exp"]})
    yield "crit, empty", rsa.token(header={"crit": []})
    yield "b64", rsa.token(header={"b64": False, "crit": ["b64"]})
    good = rsa.token()
    head, body, signature = good.split(".")
    yield "no signature", f"{head}.{body}."
    yield "a signature cut short", good[:-8]
    yield "a signature of another token", f"{head}.{encode({**claims, 'sub': 'off'})}.{signature}"
    yield "padding", good + "=="
    yield "four parts", good + "." + signature
    yield "five parts, as if encrypted", ".".join((head, "", "", body, signature))
    yield "trailing text", good + " x"
    duplicate = json.dumps(claims)[:-1] + ', "sub": "off"}'
    yield "a claim twice", rsa.token(claims=duplicate)
    twice = f'{{"alg":"RS256","kid":"{rsa.kid}","alg":"none"}}'
    signed = f"{encode(twice)}.{body}"
    yield "alg twice", f"{signed}.{encode(rsa.sign('RS256', signed.encode()))}"
    yield "claims that are a list", rsa.token(claims=[claims])
    yield "claims that are no JSON", rsa.token(claims="sub=team-a")
    yield "claims of great depth", rsa.token(claims='{"sub":"team-a","exp":9999999999,"a":' + "[" * 500 + "]" * 500 + "}")
    yield "a huge token", rsa.token(claims={**claims, "pad": "x" * 7000})
    zeros = f"{encode({'alg': 'ES256', 'kid': point.kid})}.{encode(claims)}"
    yield "psychic signature", f"{zeros}.{encode(bytes(64))}"
    yield "a signature as DER", f"{zeros}.{encode(bytes.fromhex('3006020101020101'))}"
    yield "ES256 with RSA's key", point.token(header={"kid": rsa.kid})
    yield "HS256 with a point's key", secret.token(header={"kid": point.kid})
    yield "a known secret with a longer hash's name", secret.token(header={"alg": "HS512"})


def test_nobody_gets_in_by_any_of_the_known_attacks(trusting, signers):
    g = trusting(*signers.values())
    g2_token = signers["RSA"].token()
    for name, token in attacks(signers):
        reply = ask(g, token)
        assert reply.status in (400, 401), (name, reply)
        assert reply.status == 400 or reply.json["error"]["code"] in ("invalid_token", "invalid_api_key"), (name, reply)
    assert ask(g, g2_token).status == 200
    signature = g2_token.split(".")[2]
    assert signature not in g.error_log()


def test_a_changed_file_is_taken_over_by_every_worker(trusting, signers, scratch):
    g = trusting(signers["RSA"], workers=3)
    new = SigningKey("P-256", "2027")
    old_token, new_token = signers["RSA"].token(), new.token()
    assert ask(g, old_token).status == 200
    assert_refused(ask(g, new_token))
    fresh = scratch / "fresh.json"
    fresh.write_text(key_set(new))
    fresh.chmod(0o644)
    fresh.rename(scratch / "jwks.json")
    assert until(lambda: g.error_log().count('jwks.json" again') == 3, 5)
    assert [ask(g, new_token).status for _ in range(9)] == [200] * 9
    assert [ask(g, old_token).status for _ in range(9)] == [401] * 9
    (scratch / "jwks.json").write_text("{")
    g.wait_log("keeps the previous contents: .*jwks.json")
    assert ask(g, new_token).status == 200


@pytest.fixture
def identity():
    """A server of key sets at /jwks.json."""
    host = ImagesHost().start()
    host.serve = lambda *keys: host.paths.__setitem__("/jwks.json", Reply(
        200, {"Content-Type": "application/json"}, key_set(*keys).encode()))
    yield host
    host.stop()


def test_keys_come_from_an_address(trusting, signers, identity):
    identity.serve(signers["RSA"], signers["HS"])
    g = trusting(jwks=f"{identity.origin}/jwks.json", workers=2)
    assert until(lambda: [ask(g, signers["RSA"].token()).status for _ in range(6)] == [200] * 6, 5)
    assert_refused(ask(g, signers["HS"].token()))  # a secret from a URL is not accepted


def test_and_by_https_only_from_who_proves_to_be_it(trusting, signers, certs):
    for certificate, served in ((certs.good, True), (certs.untrusted, False)):
        with ImagesHost(tls=certificate) as host:
            host.paths["/jwks.json"] = Reply(200, {}, key_set(signers["RSA"]).encode())
            g = trusting(jwks=f"{host.origin}/jwks.json", more=f"ca={certs.ca}")
            if served:
                assert until(lambda: ask(g, signers["RSA"].token()).status == 200, 5)
            else:
                g.wait_log("keys of tokens at .*cannot be fetched: .*; tokens are not accepted yet")
                assert ask(g, signers["RSA"].token()).status == 503


def test_until_they_have_come_nobody_is_refused_for_good(trusting, signers, identity):
    g = trusting(jwks=f"{identity.origin}/jwks.json")
    g.wait_log("answers with status 404; tokens are not accepted yet")
    reply = ask(g, signers["RSA"].token())
    assert_refused(reply, "jwks_unavailable", 503)
    assert int(reply.headers["Retry-After"]) >= 1
    assert ask(g, "sk-bf-a").status == 200
    identity.serve(signers["RSA"])
    assert until(lambda: ask(g, signers["RSA"].token()).status == 200, 10)
    g.wait_log("is fetched again")


def test_keys_from_an_unknown_kid_are_asked_for_and_not_too_often(trusting, signers, identity):
    identity.serve(signers["RSA"])
    g = trusting(jwks=f"{identity.origin}/jwks.json")
    assert until(lambda: ask(g, signers["RSA"].token()).status == 200, 5)
    made_up = SigningKey("RSA", "made-up").token()
    for _ in range(50):
        assert_refused(ask(g, made_up))
    time.sleep(0.5)
    assert len(identity.requests) == 1  # less than 30 s after the last fetch


def test_an_address_over_plain_http_is_for_loopback_only(nginx_t):
    for jwks, good in (("https://id.example.com/jwks.json", True), ("http://127.0.0.1:1/x", True),
                       ("http://localhost/x", True), ("http://id.example.com/jwks.json", False),
                       ("http://127.0.0.1.example.com/", False), ("https://user@id.example.com/", False),
                       ("ftp://id.example.com/", False)):
        ok, output = nginx_t(SANDBOX, f"image_gateway; image_gateway_jwt jwks={jwks};")
        assert ok == good, output


@pytest.mark.parametrize("wrong, told", (
    ("issuer=x", "needs jwks="), ("jwks=nowhere.json", "nowhere.json"), ("jwks=https://x/ often", "invalid parameter"),
    ("jwks=https://x/ leeway=1h", "at most 10m"), ("jwks=https://x/ admin_claim==x", "expected NAME")))
def test_a_wrong_parameter_is_told(nginx_t, wrong, told):
    ok, output = nginx_t(SANDBOX, f"image_gateway; image_gateway_jwt {wrong};")
    assert not ok and told in output, output


def test_a_file_without_a_key_for_signatures_is_told(nginx_t, scratch):
    path = scratch / "jwks.json"
    path.write_text(key_set({"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}))
    ok, output = nginx_t(SANDBOX, f"image_gateway; image_gateway_jwt jwks={path};")
    assert not ok and "has no key for signatures; the first is not for signatures" in output, output


def test_thousands_of_tokens_leave_the_worker_as_it_was(trusting, signers):
    """More tokens than the verifier remembers."""
    signer = signers["HS"]
    g = trusting(signer, virtual=False)
    tokens = [{"Authorization": f"Bearer {signer.token(sub=f'user-{number}')}"} for number in range(6000)]
    assert Flood(g, 12_000, tokens, body=b'{"prompt":"a","size":"16x16"}').run() == {200: 12_000}


def test_tokens_with_wrong_signatures_write_no_alerts_of_tls(trusting, signers, certs):
    """OpenSSL's errors would stay in its queue, and nginx's next TLS call would log them."""
    g = trusting(*signers.values(), tls=certs.good)
    for signer in signers.values():
        for algorithm in signer.algorithms:
            front = signer.token(algorithm=algorithm).rpartition(".")[0]
            for signature in ("A" * 342, "_" * 342, "AAAA"):
                assert_refused(ask(g, f"{front}.{signature}"))
    assert "global SSL error" not in g.error_log()
