"""Providers that stream: their events are passed through as they arrive, and a failure is always reported."""

import base64
import json

import pytest
from fakes.aggregator import STREAMED, Aggregator
from fakes.azure_openai import AzureOpenAi
from fakes.behaviours import Json
from fakes.event_stream import COMPLETED, PARTIAL, Events, breaks_off_after, failure
from fakes.openai import Chunked, Hang, Trickle, Truncate
from fakes.openrouter import OpenRouter
from fakes.sample_images import sample_image
from harness import provider
from test_streams import SANDBOX, events

MODEL = "p/gpt-image-1.5"
JPEG = b"\xff\xd8\xff"


@pytest.fixture
def streaming(gateway, openai):
    def start(more="", http="", **parts):
        return gateway(f"image_gateway; image_gateway_auth off; {more}", SANDBOX + provider("p", openai) + http, **parts)
    return start


def stream(g, model=MODEL, headers=(), partial_images=2, **fields):
    return g.generate(headers, model=model, stream=True, partial_images=partial_images, **fields)


def names(found) -> list:
    return [name for name, _ in found]


def test_previews_come_before_the_image(streaming, openai):
    found = events(stream(streaming(), size="1024x1024", quality="low").text)
    assert names(found) == [PARTIAL, PARTIAL, COMPLETED]
    assert openai.work[0].json["stream"] is True and openai.work[0].json["partial_images"] == 2
    for number, (_, data) in enumerate(found[:2]):
        assert data["partial_image_index"] == number and data["index"] == 0
        assert base64.b64decode(data["b64_json"]).startswith(b"\x89PNG")
        # The provider reports the final size, but this fake's previews are small.
        assert (data["size"], data["quality"], data["output_format"]) == ("16x16", "low", "png")
        assert data["extra_fields"]["provider"] == "p" and data["extra_fields"]["chunk_index"] == number
        assert "usage" not in data and "cost" not in data["extra_fields"]
    last = found[2][1]
    assert last["extra_fields"]["chunk_index"] == 2 and last["extra_fields"]["cost"]["basis"] == "tokens"
    assert last["usage"]["total_tokens"] > 0 and "adjustments" not in last["extra_fields"]


def test_a_preview_comes_while_the_provider_still_draws(streaming, openai):
    class FirstThenHang(Hang):
        def play(self, call):
            reply = Events().reply(call)
            call.connection.send(reply.head() + reply.body[: reply.body.index(b"\n\n") + 2])
            call.wait(None)

    openai.next(FirstThenHang())
    g = streaming(access_format="$status $image_gateway_outcome")
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": MODEL, "stream": True, "partial_images": 3})
    raw.receive_until(b'"partial_image_index":0')
    assert openai.in_flight == 1
    raw.reset()
    openai.wait_aborted()
    assert g.access_log(1)[0].endswith("client_gone")


def test_each_of_several_images_has_its_own_previews(streaming):
    found = events(stream(streaming(), n=3, partial_images=1).text)
    previews = [data["index"] for name, data in found if name == PARTIAL]
    done = [data for name, data in found if name == COMPLETED]
    assert previews == [0, 1, 2] and [data["index"] for data in done] == [0, 1, 2]
    assert [data["usage"]["total_tokens"] > 0 for data in done] == [True, False, False], "all tell the sum of all"
    assert [data["extra_fields"]["chunk_index"] for data in done] == [1, 1, 1]


def crlf(text):
    return text.replace("\n", "\r\n")


def cr(text):
    return text.replace("\n", "\r")


@pytest.mark.parametrize("behaviour", (
    Events(wrap=crlf), Events(wrap=cr), Events(named=False), Events(tail="data: [DONE]\n\n"),
    Events(wrap=lambda text: ": PING\n\ndata: : PING\n\n" + text.replace("data: ", "data: data: ")),
    Events(wrap=lambda text: text[:-2]), Events(wrap=lambda text: "\ufeff" + text),
    Events(lambda events: [(PARTIAL, {**events[0][1], "b64_json": ""})] + events),
    Events(lambda events: [("image_generation.progress", {"type": "image_generation.progress"})] + events),
    Chunked(Events()), Chunked(Events(wrap=crlf), 1), Chunked(Events(), 16_383)))
def test_however_a_stream_is_written(streaming, openai, behaviour):
    openai.next(behaviour)
    found = events(stream(streaming(), size="1024x1024").text)
    assert names(found) == [PARTIAL, PARTIAL, COMPLETED]


def told(text) -> list:
    """The events without the parts that differ between two equal requests."""
    found = events(text)
    for _, data in found:
        extra = data["extra_fields"]
        for where, name in ((data, "created_at"), (extra, "request_id"), (extra, "latency")):
            del where[name]
        for attempt in extra.get("attempts", ()):
            del attempt["latency"]
    return found


@pytest.mark.parametrize("piece, wrap", ((1, str), (1, crlf), (3, str), (100, cr)))
def test_a_stream_that_trickles_in_tells_the_same(streaming, openai, piece, wrap):
    g = streaming()
    whole = stream(g, partial_images=1, size="1024x1024", quality="low").text
    openai.next(Trickle(piece, 0.0005, Events(wrap=wrap)))
    trickled = stream(g, partial_images=1, size="1024x1024", quality="low").text
    assert told(trickled) == told(whole) and openai.unplayed == 0


def test_a_provider_may_answer_in_one_go_all_the_same(streaming, openai):
    openai.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(sample_image(16, 16)).decode()}]}))
    assert names(events(stream(streaming()).text)) == [COMPLETED]


@pytest.mark.parametrize("behaviour, code", (
    (breaks_off_after(2), "all_providers_failed"),
    (breaks_off_after(1, failure()), "all_providers_failed"),
    (breaks_off_after(1, failure("moderation_blocked", "image_generation_user_error")), "content_policy_violation"),
    (Truncate(400, Events()), "all_providers_failed"),
    (Chunked(breaks_off_after(2), unfinished=True), "all_providers_failed")))
def test_what_breaks_off_ends_in_an_error_event(streaming, openai, behaviour, code):
    openai.next(behaviour)
    g = streaming(http=f"image_model both {MODEL} sandbox/placeholder;")
    found = events(stream(g, "both", quality="low", size="1024x1024").text)
    assert names(found)[-1] == "error" and COMPLETED not in names(found)
    assert found[-1][1]["error"]["code"] == code
    assert [one["provider"] for one in found[-1][1]["extra_fields"]["attempts"]] == ["p"]


def test_an_unfinished_stream_may_be_billed(streaming, openai):
    openai.next(breaks_off_after(1, failure()))
    _, data = events(stream(streaming()).text)[-1]
    attempt, = data["extra_fields"]["attempts"]
    assert (attempt["outcome"], attempt["billed"]) == ("unknown", "unknown")
    assert len(openai.work) == 1


def test_before_the_first_preview_another_provider_may_be_tried(streaming, openai):
    openai.always(breaks_off_after(0))
    g = streaming(http=f"image_model both {MODEL} sandbox/placeholder;")
    found = events(stream(g, "both").text)
    assert names(found) == [PARTIAL, PARTIAL, COMPLETED]
    assert [one["provider"] for one in found[-1][1]["extra_fields"]["attempts"]] == ["p", "sandbox"]


def test_the_sandbox_draws_previews(streaming):
    found = events(stream(streaming(), "auto", partial_images=3, n=2, size="256x256").text)
    assert names(found) == [PARTIAL] * 6 + [COMPLETED] * 2
    images = [data["b64_json"] for _, data in found]
    assert len(set(images)) == 8 and all(one.startswith("iVBOR") for one in images)
    assert [data["index"] for _, data in found] == [0, 0, 0, 1, 1, 1, 0, 1]


@pytest.fixture
def behind(gateway):
    """A gateway with a fake of this api behind it."""
    started = []

    def start(fake, api, more="", http=""):
        started.append(fake.start())
        return gateway(f"image_gateway; image_gateway_auth off; {more}", provider(api[0], fake, api=api) + http)
    yield start
    for fake in started:
        fake.stop()


def test_azure_streams(behind):
    g = behind(AzureOpenAi(), "azure-openai")
    assert names(events(stream(g, "a/gpt-image-2").text)) == [PARTIAL, PARTIAL, COMPLETED]


def test_openrouter_streams_what_openai_makes(behind):
    g = behind(OpenRouter(), "openrouter")
    found = events(stream(g, "o/openai/gpt-image-2").text)
    assert names(found) == [PARTIAL, COMPLETED]
    assert found[-1][1]["extra_fields"]["cost"] == {"usd": 0.04, "basis": "provider"}
    assert names(events(stream(g, "o/openai/gpt-image-2", partial_images=0).text)) == [COMPLETED]
    assert names(events(stream(g, "o/google/gemini-3.1-flash-image").text)) == [COMPLETED]


def test_a_reseller_streams_what_the_catalogue_says_that_it_does(scratch, behind):
    """Its images are links in this case too."""
    catalogue = scratch / "catalog.json"
    catalogue.write_text(json.dumps({"apis": {"aggregator": [{"model": STREAMED, "family": "gpt-image"}]}}))
    catalogue.chmod(0o644)
    g = behind(fake := Aggregator(), "aggregator", "image_gateway_fetch_allow 127.0.0.0/8;",
               f"image_gateway_catalog {catalogue};")

    def images(**fields):
        found = events(stream(g, f"a/{STREAMED}", n=2, partial_images=1, size="1536x1024", **fields).text)
        assert sorted(data["index"] for name, data in found if name == PARTIAL) == [0, 1]
        assert ["usage" in data for name, data in found] == [name == COMPLETED for name, _ in found]
        done = [data for name, data in found if name == COMPLETED]
        assert sorted(data["index"] for data in done) == [0, 1]
        return done

    for data in images():
        assert "url" not in data and base64.b64decode(data["b64_json"]).startswith(JPEG)
        image, = data["extra_fields"]["images"]
        assert (image["width"], image["height"], image["format"]) == (1536, 1024, "jpeg")
    assert all(data["url"].startswith(fake.origin) for data in images(response_format="url"))
    assert [(one.json["stream"], one.json["partial_images"]) for one in fake.work] == [(True, 1)] * 2


def test_a_reseller_is_asked_for_no_stream_where_the_catalogue_says_nothing(behind):
    g = behind(fake := Aggregator(), "aggregator", "image_gateway_fetch_allow 127.0.0.0/8;")
    (name, data), = events(stream(g, "a/flux-dev").text)
    assert name == COMPLETED and base64.b64decode(data["b64_json"]).startswith(JPEG)
    assert not {"stream", "partial_images"} & set(fake.work[0].json)


def test_a_line_of_many_megabytes_is_read(gateway, openai_factory):
    large = openai_factory(image_bytes=12_000_000)
    g = gateway("image_gateway; image_gateway_auth off;", provider("p", large))
    found = events(stream(g, partial_images=1).text)
    assert len(base64.b64decode(found[-1][1]["b64_json"])) == 12_000_000
    assert json.dumps(found[0][1]["extra_fields"])
