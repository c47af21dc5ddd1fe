"""One contract for all dialects: what each of them guarantees, whatever its provider's API looks like.

t/fakes/cases.py lists the dialects; a fake refuses what the real provider would."""

import base64
import json
import time

import pytest
from fakes.behaviours import Chunked, CloseUnanswered, Hang, Raw, Reset, Trickle, Truncate
from fakes.cases import CASES
from harness import provider

# The error that the caller gets if the only provider ends with this outcome.
STATUSES = {"callers_fault": range(400, 500), "refused_by_policy": range(400, 500), "our_credentials": (502,),
            "out_of_quota": (502,), "throttled": (503,), "not_here": (404,), "broken": (502,), "unknown": (502, 504)}
HTML = "<html><body><h1>It did not work</h1></body></html>"
STRANGE = {
    "html": Raw(500, {"Content-Type": "text/html"}, HTML),
    "html with 200": Raw(200, {"Content-Type": "text/html"}, HTML),
    "html with 404": Raw(404, {"Content-Type": "text/html"}, HTML),
    "empty": Raw(500),
    "empty with 200": Raw(200),
    "empty object with 200": Raw(200, {"Content-Type": "application/json"}, "{}"),
    "array": Raw(400, {"Content-Type": "application/json"}, "[[[]]]"),
    "null": Raw(200, {"Content-Type": "application/json"}, "null"),
    "numbers": Raw(418, {"Content-Type": "application/json"}, '{"error": 7, "detail": 8, "status": 9, "code": {}}'),
    "texts where objects belong": Raw(
        200, {"Content-Type": "application/json"},
        '{"error": "no", "data": "x", "images": "y", "output": "z", "result": "r", "candidates": "c", "status": 5}'),
    "huge": Raw(500, {"Content-Type": "application/json"}, '{"error": {"message": "' + "x" * 3_000_000 + '"}}'),
    "not UTF-8": Raw(500, {"Content-Type": "application/json"}, b'{"error": {"message": "\xff\xfe\x00"}}'),
    "deep": Raw(200, {"Content-Type": "application/json"}, "[" * 5000),
    "an image of nothing": Raw(200, {"Content-Type": "image/png"}, b"no image at all"),
    "half an answer": Truncate(after_bytes=20),
    "half a chunked answer": Chunked(unfinished=True),
    "no answer": CloseUnanswered(),
    "a reset": Reset(),
}
# The words that error tables search for in messages.
WORDS = ("quota, billing, limit: 0, invalid token, invalid API key, incorrect API key, available credits, spending limit, "
         "temporarily blocked, overloaded, Exhausted balance, 用户额度不足, 无效的令牌, resets in ~500s, nsfw, moderated")


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def fakes():
    started = []

    def start(case, **options):
        started.append(case.fake(**options).start())
        return started[-1]

    yield start
    for fake in started:
        fake.stop()


@pytest.fixture
def made_by(fakes, gateway, scratch):
    """made_by(case): a gateway with the case's fake behind it, and the fake.

    `count`: as so many providers p, p1, p2, … of which none knows how the others have fared. Each has an alias."""
    def start(case, location="", more="", count=1, **parts):
        fake = fakes(case)
        names = ["p", *(f"p{number}" for number in range(1, count))]
        g = gateway("image_gateway; image_gateway_auth off; image_gateway_fetch_allow 127.0.0.0/8; "
                    f"image_gateway_store {scratch}/store; " + location,
                    "".join(provider(name, fake, f"{case.conf} {more}", api=case.api, key=case.key) +
                            f"image_model known-{name} {name}/{case.model};" for name in names), **parts)
        return g, fake
    return start


def ask(g, case, number=0, **fields):
    return g.generate(model=f"p{number or ''}/{case.model}", **fields)


def attempt(reply) -> dict:
    """The last attempt."""
    return reply.json["extra_fields"]["attempts"][-1]


def bytes_of(g, one) -> bytes:
    if "b64_json" in one:
        return base64.b64decode(one["b64_json"], validate=True)
    answer = g.get(one["url"].replace(g.url, ""))
    assert answer.status == 200, answer
    return answer.body


def is_image(data: bytes) -> bool:
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"))


@pytest.mark.parametrize("form", ("b64_json", "url", None))
def test_an_image_is_made_in_the_form_asked_for(case, made_by, form):
    g, fake = made_by(case)
    fields = {"response_format": form} if form else {}
    reply = ask(g, case, **fields)
    assert reply.status == 200, (reply, fake.refusals)
    one, = reply.json["data"]
    if form:
        assert form in one
    if form == "b64_json" or case.makes != "url":
        assert is_image(bytes_of(g, one))
    assert attempt(reply)["outcome"] == "made"
    assert reply.json["extra_fields"]["provider"] == "p"
    assert len(fake.work) == 1 and fake.refusals == []


def test_three_images_are_three_different_ones(case, made_by):
    g, fake = made_by(case)
    reply = ask(g, case, n=3, response_format="b64_json")
    assert reply.status == 200, (reply, fake.refusals)
    assert [one["index"] for one in reply.json["data"]] == [0, 1, 2]
    assert len({one["b64_json"] for one in reply.json["data"]}) == 3
    assert len(fake.work) == -(-3 // case.most)
    assert "n" not in {one["param"] for one in reply.json["extra_fields"].get("adjustments", [])}


def test_every_parameter_that_is_said_to_be_sent_is_on_the_wire(case, made_by):
    g, fake = made_by(case)
    for name, probe in case.probes.items():
        reply = ask(g, case, **{**probe.beside, name: probe.value})
        assert reply.status == 200, (name, reply, fake.refusals)
        adjusted = {one["param"] for one in reply.json["extra_fields"].get("adjustments", [])}
        assert name not in adjusted, (name, reply.json["extra_fields"]["adjustments"])
        told = probe.value if probe.told is None else probe.told
        assert probe.found(fake.work[-1]) == told, (name, fake.work[-1].body)


def test_every_parameter_of_the_catalogue_is_probed(case, made_by):
    """The previous test checks that the parameters which `GET models` lists are sent."""
    g, _ = made_by(case)
    model = g.get(f"/v1/models/p/{case.model}").json
    unprobed = set(model["supported_parameters"]) - set(case.probes) - {"stream", "partial_images", "response_format", "input_fidelity", "strength"}
    assert not unprobed, model["supported_parameters"]


def test_the_error_table_is_read_as_the_document_says(made_by, case):
    rows = [(outcome, name) for outcome, group in case.errors.items() for name in group]
    g, fake = made_by(case, count=len(rows))
    for number, (outcome, name) in enumerate(rows):
        fake.always(case.errors[outcome][name])
        reply = ask(g, case, number)
        assert attempt(reply)["outcome"] == outcome, (name, reply)
        assert reply.status in STATUSES[outcome], (name, reply)
        assert (attempt(reply).get("billed") == "unknown") == (outcome == "unknown"), (name, reply)
        assert attempt(reply).get("billed") in (None, "unknown", "yes" if "cost" in attempt(reply) else None), name


def repeating(case, status, text):
    """An error in this provider's form whose message repeats the caller's text."""
    error = next(iter(case.errors["callers_fault"].values()))
    reply = error.plain_reply() if hasattr(error, "plain_reply") else error.reply(None)
    messages = []

    def told(value):
        if isinstance(value, dict):
            return {name: told(member) for name, member in value.items()}
        if isinstance(value, list):
            return [told(member) for member in value]
        if isinstance(value, str) and " " in value:
            messages.append(value)
            return f"Not possible: {text[:-3]}..."
        return value

    document = json.dumps(told(json.loads(reply.body)))
    assert messages, "the error has no message"
    return Raw(status, {"Content-Type": "application/json"}, document)


def test_a_prompt_that_the_provider_repeats_blocks_the_provider_for_nobody(case, made_by):
    statuses = (400, 402, 403, 422, 429, 500, 503)
    g, fake = made_by(case, more="retry off;", count=len(statuses))
    for number, status in enumerate(statuses):
        fake.next(repeating(case, status, WORDS))
        assert ask(g, case, number, prompt=WORDS).status >= 400, status
        other = g.generate(model=f"p{number or ''}/other/model")
        assert "skipped" not in other.json["extra_fields"], (status, other)
        if status not in (402, 403, 429):
            assert ask(g, case, number).status == 200, status


def test_an_unexpected_response_is_never_a_success(case, made_by):
    g, fake = made_by(case, location="image_gateway_deadline 3s;", count=len(STRANGE))
    for number, (what, behaviour) in enumerate(STRANGE.items()):
        fake.always(behaviour)
        reply = ask(g, case, number)
        assert reply.status >= 400 and reply.json["error"]["message"], (what, reply)
        assert g.post("/v1/images/generations", {}).status == 400, f"after {what} it does not live"


def test_pieces_of_any_size_make_the_same_image(case, made_by):
    g, fake = made_by(case)
    fake.always(Trickle(chunk_bytes=97, pause=0.0002))
    reply = ask(g, case, response_format="b64_json")
    assert reply.status == 200, (reply, fake.refusals)
    assert is_image(bytes_of(g, reply.json["data"][0]))


def test_a_client_that_leaves_ends_the_call(case, made_by):
    g, fake = made_by(case)
    fake.always(Hang())
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": f"p/{case.model}"})
    fake.wait_in_flight(1)
    raw.close()
    fake.wait_in_flight(0)


def test_the_provider_s_key_goes_to_the_provider_alone(case, made_by):
    if case.key == "none":
        pytest.skip("a provider without a key")
    secret = "sk-very-secret-indeed"
    g, fake = made_by(case, env={"OPENAI_API_KEY": secret})
    fake.keys.add(secret)
    reply = ask(g, case, response_format="b64_json")
    assert reply.status == 200, (reply, fake.refusals)
    for request in fake.requests:
        everything = f"{request.path}?{request.query}\n{request.header_list}".encode() + request.body
        bears = secret.encode() in everything
        assert bears == fake.wants_key(request), request
    assert secret not in g.error_log() + reply.text


def test_the_deadline_holds_whatever_the_provider_does(case, made_by):
    g, fake = made_by(case, location="image_gateway_deadline 500ms;")
    fake.always(Hang())
    began = time.monotonic()
    reply = ask(g, case)
    assert reply.status == 504 and time.monotonic() - began < 2
    assert reply.json["extra_fields"]["may_still_be_working"] is True
    fake.wait_in_flight(0)


def jobs():
    """The cases whose provider answers before the image is ready."""
    return [pytest.param(case, id=str(case)) for case in CASES if case.running]


@pytest.mark.parametrize("case", jobs())
def test_a_job_is_asked_for_until_it_is_done_and_submitted_once(made_by, case):
    g, fake = made_by(case)
    fake.next(case.taken)
    fake.next_poll(case.running, Raw(502, {"Content-Type": "text/html"}, HTML), case.running)
    reply = ask(g, case, response_format="b64_json")
    assert reply.status == 200, (reply, fake.refusals)
    assert is_image(bytes_of(g, reply.json["data"][0]))
    assert len(fake.work) == 1 and len(fake.polls) == 4


@pytest.mark.parametrize("case", jobs())
def test_a_job_that_its_provider_tells_nothing_of_is_not_submitted_again(made_by, case):
    g, fake = made_by(case, more="retry attempts=3 backoff=10ms..10ms;")
    fake.next(case.taken)
    fake.always_poll(Raw(404, {"Content-Type": "text/html"}, HTML))
    reply = ask(g, case)
    assert reply.status == 502, reply
    assert (attempt(reply)["outcome"], attempt(reply)["billed"]) == ("unknown", "unknown")
    assert len(fake.work) == 1


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES if case.cancels])
def test_a_client_that_leaves_while_the_job_goes_on_cancels_it_once(made_by, case):
    g, fake = made_by(case)
    fake.next(case.taken)
    fake.always_poll(case.running)
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": f"p/{case.model}"})
    fake.wait(lambda: len(fake.polls) == 1)
    raw.close()
    fake.wait(lambda: len(fake.cancels) == 1)
    time.sleep(1)  # no more polls and no second cancel in this time
    assert (len(fake.work), len(fake.polls), len(fake.cancels)) == (1, 1, 1)
    assert fake.refusals == []
