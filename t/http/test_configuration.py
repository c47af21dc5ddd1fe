"""What nginx -t refuses, with which message, and what it accepts."""

import json
import re
import subprocess

import pytest
from harness import Configuration, environment, key_entry, write_keys
from harness.environment import nginx

OPENAI = "image_provider openai { api openai; url http://127.0.0.1:9/v1; key env:OPENAI_API_KEY; }\n"
OPEN = "image_gateway; image_gateway_auth off;"


def sandbox(more: str) -> str:
    return f"image_provider p {{ api sandbox; {more} }}"


def remote(more: str) -> str:
    return f"image_provider p {{ api openai; url https://images.example.com/v1; {more} }}"


def url(value: str) -> str:
    return f"image_provider p {{ api openai; url {value}; key none; }}"


# http part, what the error says
REFUSED = {
    # image_provider, the block
    "a provider without api": ("image_provider p { key none; }", 'image_provider "p" has no "api"'),
    "an unknown api": ("image_provider p { api gemini; }", 'unknown api "gemini", expected one of: '),
    "openai without url": ("image_provider p { api openai; key none; }", 'has no "url", which api "openai" needs'),
    "openai without key": (remote(""),
                           'has no "key", which api "openai" needs; for a server without keys say "key none"'),
    "the sandbox with a url": (sandbox("url http://a;"), 'has a "url", which api "sandbox" does not use'),
    "a provider without a name": ("image_provider { api sandbox; }",
                                  'invalid number of arguments in "image_provider" directive'),
    "a provider's name with a slash": ("image_provider a/b { api sandbox; }",
                                       'invalid provider name "a/b", expected letters, digits, \'.\', \'_\' and \'-\''),
    "a provider without a block": ("image_provider p;", 'directive "image_provider" has no opening "{"'),
    "two providers of one name": (sandbox("") * 2, 'duplicate image_provider "p"'),
    "an unknown directive in the block": (sandbox("max_cals 3;"), 'unknown directive "max_cals"'),
    "too few arguments in the block": (sandbox("latency;"), 'invalid number of arguments in "latency" directive'),
    "too many arguments in the block": (sandbox("latency 1s 2s;"),
                                        'invalid number of arguments in "latency" directive'),
    "braces in the block": (sandbox("retry { attempts 2; }"), 'unexpected "{"'),
    "a directive without its end": ("image_provider p { api sandbox }", 'unexpected "}"'),
    "a directive twice in the block": (sandbox("latency 1s; latency 1s;"), '"latency" directive is duplicate'),
    # url
    "a url without scheme": (url("images.example.com/v1"),
                             'invalid url "images.example.com/v1", expected http:// or https'),
    "a url of another scheme": (url("ftp://images.example.com"), "invalid url"),
    "a url without host": (url("https:///v1"), "invalid url"),
    "a url with a query": (url("https://images.example.com/v1?a=b"), "invalid url"),
    "a url with a space": (url('"https://images.example.com/v 1"'), "invalid url"),
    # key
    "an unset variable": (remote("key env:NOT_SET;"), 'the environment variable "NOT_SET" is not set'),
    "an empty variable": (remote("key env:EMPTY;"), 'the environment variable "EMPTY" is not set'),
    "a variable of two lines": (remote("key env:TWO_LINES;"),
                                'the key from "env:TWO_LINES" is empty or not one line of visible ASCII'),
    "a missing key file": (remote("key file:/no/such/file;"), 'cannot read "/no/such/file": No such file or directory'),
    "a directory as key file": (remote("key file:/;"), 'cannot read "/": Is a directory'),
    "a device as key file": (remote("key file:/dev/null;"), 'cannot read "/dev/null": it is not a regular file'),
    "a key from nowhere": (remote("key env:;"), "invalid key, expected env:NAME, file:PATH or none"),
    "a key of weight 0": (remote("key env:OPENAI_API_KEY weight=0;"),
                          'invalid weight "0", expected a number from 1 to 1000'),
    "a key of no weight": (remote("key env:OPENAI_API_KEY wait=3;"), 'invalid parameter "wait=3", expected weight=N'),
    "key none beside a key": (remote("key none; key env:OPENAI_API_KEY;"), 'has both "key none" and a key'),
    # the rest of the block
    "an unknown timeout": (sandbox("timeout idle=1s;"),
                           'invalid parameter "idle=1s", expected one of: connect=, first_byte=, stall=, total='),
    "an unknown rate": (sandbox("fail broken often=1%;"), 'invalid parameter "often=1%", expected rate=N%'),
    "a timeout of nothing": (sandbox("timeout connect=0;"), 'invalid time "0", expected something like 500ms or 30s'),
    "a timeout that is no time": (sandbox("timeout total=soon;"), 'invalid time "soon"'),
    "an unknown kind of proxy": (sandbox("proxy ftp://proxy;"),
                                 "invalid proxy, expected http://, https://, socks5:// or socks5h:// and a host"),
    "a missing ca": (sandbox("ca /no/such/ca.pem;"), 'cannot read "/no/such/ca.pem"'),
    "a ca without certificate": (sandbox("ca nginx.conf;"), 'holds no certificate in PEM form'),
    "an answer_max of 0 in the block": (sandbox("image_gateway_answer_max 0;"),
                                        'invalid size "0", expected something like 512k or 32m'),
    "a latency that shrinks": (sandbox("latency 2s..1s;"), 'invalid latency "2s..1s", the second time must not be shorter than the first'),
    "a latency that is none": (sandbox("latency 1s..;"), 'invalid time ""'),
    "an unknown outcome": (sandbox("fail sometimes;"),
                           'unknown outcome "sometimes", expected one of: refused_by_policy,'),
    "a failure that is a success": (sandbox("fail made;"), 'unknown outcome "made"'),
    "a rate without per cent": (sandbox("fail broken rate=50;"), 'invalid rate "50", expected something like 20%'),
    "a rate of 0": (sandbox("fail broken rate=0%;"), 'invalid rate "0", expected a number from 1 to 100'),
    "rates above 100 %": (sandbox("fail broken rate=60%; fail unknown rate=41%;"), "fails more than 100% of the time"),
    "files of an api without any": (sandbox("file_account ours;"), '"file_account" is for apis that have files'),
    "an account that is no name": (remote('key none; file_account "a b";'), 'invalid value "a b", expected off or a name'),
    "a real provider that rehearses": (remote("key none; latency 1s;"),
                                       '"latency" and "fail" are for api "sandbox" only'),
    # image_model
    "an alias to an unknown provider": (OPENAI + "image_model auto studio/sdxl;",
                                        'alias "auto" names "studio/sdxl", which is neither an alias nor a model'),
    "an alias to an unknown bare model": (OPENAI + "image_model auto sdxl;", 'alias "auto" names "sdxl"'),
    "an alias to a provider without model": (OPENAI + "image_model auto openai/;", 'alias "auto" names "openai/"'),
    "an alias to itself": ("image_model auto auto;", "model aliases form a loop: auto -> auto"),
    "a loop of aliases": (OPENAI + "image_model a openai/x b; image_model b c; image_model c a;",
                          "model aliases form a loop: a -> b -> c -> a"),
    "two aliases of one name": (OPENAI + "image_model a openai/x; image_model a openai/y;",
                                'duplicate image_model "a"'),
    "an alias without model": ("image_model auto;", 'invalid number of arguments in "image_model" directive'),
    "an alias of options only": ("image_model auto mode=weighted;", 'image_model "auto" names no model'),
    "an option in the place of the name": (OPENAI + "image_model mode=weighted openai/x;", "image_model"),
    "an unknown mode": (OPENAI + "image_model a mode=random openai/x;",
                        'invalid mode "random", expected ordered or weighted'),
    "an unknown after_unknown": (OPENAI + "image_model a after_unknown=stop openai/x;",
                                 'invalid after_unknown "stop", expected fallback or fail'),
    "a weight before any model": (OPENAI + "image_model a weight=2 openai/x;", '"weight=2" must follow a model'),
    "a weight beyond all bounds": (OPENAI + "image_model a openai/x weight=1001;", 'invalid weight "1001"'),
    # image_gateway_zone
    "two zones": ("image_gateway_zone zone=a:1m; image_gateway_zone zone=b:1m;",
                  '"image_gateway_zone" directive is duplicate'),
    "a zone too small": ("image_gateway_zone zone=a:32k;", 'zone "a" is too small, it must be at least 64k'),
    "a zone without size": ("image_gateway_zone zone=a;", 'invalid zone "zone=a", expected zone=NAME:SIZE'),
    "a zone without name": ("image_gateway_zone zone=:1m;", 'invalid zone "zone=:1m"'),
    "a zone of no size": ("image_gateway_zone zone=a:big;", 'invalid size "big", expected something like 512k or 32m'),
    "a zone that is no parameter": ("image_gateway_zone a:1m;", 'invalid parameter "a:1m", expected zone=NAME:SIZE'),
    "another module's zone": ("limit_req_zone $uri zone=a:1m rate=1r/s; image_gateway_zone zone=a:1m;",
                              'zone "a" is already'),
    # the plain directives
    "an unknown auth": ("image_gateway_auth maybe;",
                        '"image_gateway_auth" directive invalid value "maybe", expected one of: required, optional, off'),
    "an unknown fit": ("image_gateway_fit strickt;",
                       '"image_gateway_fit" directive invalid value "strickt", expected one of: adapt, strict'),
    "a bad flag": ("image_gateway_raw yes;", 'invalid value "yes" in "image_gateway_raw" directive, it must be "on" or "off"'),
    "two auths": ("image_gateway_auth off; image_gateway_auth off;", '"image_gateway_auth" directive is duplicate'),
    "two key files": ("image_gateway_keys a; image_gateway_keys b;", '"image_gateway_keys" directive is duplicate'),
    "two deadlines": ("image_gateway_deadline 1s; image_gateway_deadline 1s;",
                      '"image_gateway_deadline" directive is duplicate'),
    "a bad body_max": ("image_gateway_body_max much;",
                       '"image_gateway_body_max" directive invalid value "much", expected something like 512k or 32m'),
    "a bad answer_max": ("image_gateway_answer_max -1;", '"image_gateway_answer_max" directive invalid value "-1", expected'),
    "a bad deadline": ("image_gateway_deadline 1fortnight;",
                       '"image_gateway_deadline" directive invalid value "1fortnight", expected something like 500ms or 30s'),
    "a bad heartbeat": ("image_gateway_heartbeat often;", 'invalid value "often", expected something like 500ms or 30s'),
    "two body_maxes": ("image_gateway_body_max 1m; image_gateway_body_max 1m;", '"image_gateway_body_max" directive is duplicate'),
    "a public_url of no kind": ("image_gateway_public_url images.example.com;",
                                'invalid image_gateway_public_url "images.example.com", expected http:// or https://'),
    "a body_max of 0": ("image_gateway_body_max 0;", "image_gateway_body_max"),
    "an answer_max of 0": ("image_gateway_answer_max 0;", "image_gateway_answer_max"),
    "a deadline of 0": ("image_gateway_deadline 0;", "image_gateway_deadline"),
    "image_gateway outside a location": ("image_gateway;", '"image_gateway" directive is not allowed here'),
}

REFUSED_IN_LOCATION = {
    "neither keys nor auth off": ("image_gateway;", 'location "/v1/" has "image_gateway" but no "image_gateway_keys" or '
                                  '"image_gateway_jwt"; to serve anyone who can reach it, say "image_gateway_auth off"'),
    "auth optional without keys": ("image_gateway; image_gateway_auth optional;", 'but no "image_gateway_keys"'),
    "an unknown profile": ("image_gateway profile=acme; image_gateway_auth off;",
                           'unknown profile "acme", expected one of: unified, mka1'),
    "an unknown parameter": ("image_gateway on; image_gateway_auth off;", 'invalid parameter "on", expected profile=NAME'),
    "two parameters": ("image_gateway a b;", 'invalid number of arguments in "image_gateway" directive'),
    "image_gateway twice": (f"image_gateway; {OPEN}", '"image_gateway" directive is duplicate'),
    "missing keys.json": ("image_gateway; image_gateway_keys /no/such/keys.json;",
                          'cannot read "/no/such/keys.json": No such file or directory'),
    "a directory as keys.json": ("image_gateway; image_gateway_keys /;", 'cannot read "/": Is a directory'),
    "a zone": (f"{OPEN} image_gateway_zone zone=a:1m;", '"image_gateway_zone" directive is not allowed here'),
    "a provider": (f"{OPEN} image_provider p {{ api sandbox; }}", '"image_provider" directive is not allowed here'),
    "an alias": (f"{OPEN} image_model a b;", '"image_model" directive is not allowed here'),
    "image_gateway in an if": ("if ($arg_a) { image_gateway; }", '"image_gateway" directive is not allowed here'),
    "a default model that nobody has": (f"{OPEN} image_gateway_default_model studio/sdxl;", "studio/sdxl"),
}

VARIABLES = {"OPENAI_API_KEY": "sk-test-openai", "EMPTY": "", "TWO_LINES": "sk-one\nsk-two"}


def refusal(result) -> str:
    assert not result.ok, result.output
    assert re.search(r"\[emerg\] .* in /.*/nginx\.conf:\d+$", result.output, re.MULTILINE), result.output
    return result.output


@pytest.mark.parametrize("http, words", REFUSED.values(), ids=REFUSED)
def test_it_refuses(nginx_t, http, words):
    assert words in refusal(nginx_t(http, env=VARIABLES))


@pytest.mark.parametrize("location, words", REFUSED_IN_LOCATION.values(), ids=REFUSED_IN_LOCATION)
def test_in_a_location_it_refuses(nginx_t, location, words):
    assert words in refusal(nginx_t(location=location))


def test_an_error_names_the_line_of_the_directive_inside_the_block(nginx_t):
    block = "image_provider p {\napi sandbox;\n# one more line\nlatency x;\n}"
    line = Configuration(http=block).text("/", 1).splitlines().index("latency x;") + 1
    assert refusal(nginx_t(block)).splitlines()[0].endswith(f"/nginx.conf:{line}")


# Secrets


@pytest.mark.parametrize("line", ("key sk-plain-secret;", "key sk-plain-secret weight=3;", "key none sk-plain-secret;",
                                  "url https://user:sk-plain-secret@images.example.com/v1;",
                                  "proxy user:sk-plain-secret@proxy;"))
def test_an_error_does_not_repeat_what_may_be_a_secret(nginx_t, line):
    assert "sk-plain-secret" not in refusal(nginx_t(f"image_provider p {{ api openai; {line} }}"))


def test_a_key_file_that_holds_no_key_is_not_quoted(nginx_t, scratch):
    (scratch / "key").write_text("sk-plain-secret\nand more\n")
    assert "sk-plain-secret" not in refusal(nginx_t(remote(f"key file:{scratch}/key;")))


def test_sending_a_signal_needs_no_keys(gateway):
    g = gateway(OPEN, OPENAI)
    g.allow_worker_change()
    for signal in ("reload", "stop"):
        done = subprocess.run([nginx(), "-p", f"{g.directory}/", "-c", f"{g.directory}/nginx.conf", "-e",
                               f"{g.directory}/error.log", "-s", signal], capture_output=True, text=True,
                              env=environment.variables({}, g.directory))
        assert done.returncode == 0 and "[emerg]" not in done.stderr, done.stderr
    assert g.wait_exit() == 0


# keys.json


BROKEN_KEYS = {
    "nothing": ("", "is not valid JSON"),
    "half a JSON": ("{", "is not valid JSON near byte"),
    "no object": ("[]", "$ must be an object"),
    "no keys": ("{}", "$.keys must be an array"),
    "an unknown member": ('{"keys": [], "key": 1}', '$ has a member "key", which is not known (expected: keys)'),
    "a duplicate member": ('{"keys": [], "keys": []}', 'the key "keys" appears twice'),
    "no id": ([{"sha256": "0" * 64}], "$.keys[0].id must be a string that is not empty"),
    "an id with a space": ([{"id": "team a", "sha256": "0" * 64}], "$.keys[0].id must have at most 64 visible ASCII"),
    "no hash": ([{"id": "a"}], "$.keys[0].sha256 must be 64 hexadecimal digits"),
    "the secret for the hash": ([{"id": "a", "sha256": "sk-bf-plain"}],
                                "$.keys[0].sha256 must be 64 hexadecimal digits"),
    "one id twice": ([key_entry("a", "1"), key_entry("a", "2")], '$.keys[1].id is used twice: "a"'),
    "one secret twice": ([key_entry("a", "1"), key_entry("b", "1")], "have the same secret"),
    "an unknown member of a key": ([key_entry("a", "1", model=["auto"])], '$.keys[0] has a member "model"'),
    "no models at all": ([key_entry("a", "1", models=[])], "$.keys[0].models must be an array that is not empty"),
    "a model that is no text": ([key_entry("a", "1", models=["x", 2])], "$.keys[0].models[1] must be a string"),
    "a day that does not exist": ([key_entry("a", "1", expires="2027-02-29T00:00:00Z")],
                                  '$.keys[0].expires must be a UTC time such as "2027-06-30T00:00:00Z"'),
    "disabled in words": ([key_entry("a", "1", disabled="no")], "$.keys[0].disabled must be true or false"),
    "a limit of 0": ([key_entry("a", "1", limits={"concurrent": 0})],
                     "$.keys[0].limits.concurrent must be an integer from 1 to 1000000000"),
    "an unknown limit": ([key_entry("a", "1", limits={"requests": 5})], '$.keys[0].limits has a member "requests"'),
}


@pytest.mark.parametrize("content, words", BROKEN_KEYS.values(), ids=BROKEN_KEYS)
def test_a_broken_keys_json_is_refused_with_the_path_of_the_mistake(nginx_t, scratch, content, words):
    path = scratch / "keys.json"
    path.write_text(content if isinstance(content, str) else json.dumps({"keys": content}))
    output = refusal(nginx_t(location=f"image_gateway; image_gateway_keys {path};"))
    assert f'"{path}": ' in output and words in output
    assert "sk-bf-plain" not in output


# Valid configurations


@pytest.fixture
def keys(scratch):
    return write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-a")])


EVERYWHERE = ("image_gateway_auth required;", "image_gateway_default_model openai/gpt-image-2;",
              "image_gateway_body_max 2m;", "image_gateway_answer_max 64m;", "image_gateway_deadline 100s;")


@pytest.mark.parametrize("directive", EVERYWHERE)
@pytest.mark.parametrize("context", ("http", "server", "location"))
def test_it_takes_in_http_server_and_location(nginx_t, keys, directive, context):
    parts = {"http": OPENAI, "location": f"image_gateway; image_gateway_keys {keys};"}
    parts[context] = f"{parts.get(context, '')} {directive}"
    assert nginx_t(**parts).ok


@pytest.mark.parametrize("context", ("http", "server", "location"))
def test_keys_may_be_set_at_any_level(nginx_t, keys, context):
    parts = {"location": "image_gateway;"}
    parts[context] = f"{parts.get(context, '')} image_gateway_keys {keys};"
    assert nginx_t(**parts).ok


def test_a_relative_name_is_relative_to_the_configuration(gateway, openai):
    g = gateway(OPEN, "image_provider p { api sandbox; }")
    (g.directory / "provider.key").write_text("sk-test-openai\n")
    write_keys(g.directory / "keys.json", [key_entry("team-a", "sk-bf-a")])
    g.reload(location="image_gateway; image_gateway_keys keys.json;",
             http=f"image_provider p {{ api openai; url {openai.url}; key file:provider.key; }}")
    assert g.generate(model="p/gpt-image-2", headers={"Authorization": "Bearer sk-bf-a"}).status == 200


def test_an_inner_level_overrides_an_outer_one(gateway):
    g = gateway(f"{OPEN} image_gateway_default_model p/three;",
                "image_provider p { api sandbox; } image_gateway_default_model p/one;",
                server="image_gateway_default_model p/two;",
                extra_locations=f"location /server/ {{ {OPEN} }}")
    assert g.generate().json["model"] == "p/three"
    assert g.generate(path="/server/images/generations").json["model"] == "p/two"


def test_an_alias_may_stand_before_what_it_names(nginx_t):
    assert nginx_t(f"image_model auto inner openai/x; image_model inner openai:y; {OPENAI}", OPEN).ok


ACCEPTED = {
    "all of a provider": remote("key env:OPENAI_API_KEY weight=3; key env:SECOND weight=1; ca {ca};"
                                "timeout connect=5s first_byte=300s total=590s; proxy http://user:pw@proxy:3128;"
                                "image_gateway_answer_max 32m;"),
    "one timeout": remote("key none; timeout total=1500ms;"),
    "no key at all": remote("key none;"),
    "a socks proxy": remote("key none; proxy socks5h://127.0.0.1:1080;"),
    "all of the sandbox": sandbox("latency 10ms..2s; fail broken rate=50%; fail unknown rate=50%;"),
    "a latency": sandbox("latency 10ms;"),
    "a failure for ever": sandbox("fail throttled;"),
    "options anywhere": sandbox("") + "image_model a p/x weight=3 mode=weighted p/y after_unknown=fail weight=2;",
    "an alias of a bare model": OPENAI + "image_model a gpt-image-2;",
    "a zone": "image_gateway_zone zone=images:64k;",
    "auth in every wording": "image_gateway_auth optional;",
    "flags in upper case": "image_gateway_buffering Off; image_gateway_raw ON;",
}


@pytest.mark.parametrize("http", ACCEPTED.values(), ids=ACCEPTED)
def test_it_takes(nginx_t, certs, http):
    result = nginx_t(http.replace("{ca}", str(certs.ca)), OPEN, env={**VARIABLES, "SECOND": "sk-second"})
    assert result.ok, result.output


def test_the_profile_may_be_named(nginx_t):
    assert nginx_t(location="image_gateway profile=unified; image_gateway_auth off;").ok


def test_a_configuration_that_does_not_use_it_needs_nothing(nginx_t):
    assert nginx_t(location="return 204;").ok
