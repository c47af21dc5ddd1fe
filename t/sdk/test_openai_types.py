"""Every answer and every event, against the types that OpenAI's Python client publishes, strictly: as clients in
languages with types read them."""

import json

import pytest
from fakes.behaviours import Json
from fakes.event_stream import Events
from fakes.openai import OpenAI
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent, ImagesResponse
from sandbox import OPEN, SANDBOX, STREAMING

EVENTS = {"image_generation.completed": ImageGenCompletedEvent,
          "image_generation.partial_image": ImageGenPartialImageEvent}


def read_event(data: dict):
    return EVENTS[data["type"]].model_validate(data, strict=True)


def events(reply) -> list:
    """Data, and the client's object for it."""
    assert reply.status == 200, reply
    found = [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line.startswith("data: ")]
    return [(data, read_event(data)) for data in found]


def usage_of(answer: dict) -> dict:
    return {key: value for key, value in answer["usage"].items()}


def added(usages) -> dict:
    total = {}
    for usage in usages:
        for key, value in usage.items():
            total[key] = added([total.get(key, {}), value]) if isinstance(value, dict) else total.get(key, 0) + value
    return total


def read_plain(reply):
    assert reply.status == 200, reply
    document = reply.json
    # The plain type has no word for "the provider's choice"; these members may be missing from it.
    for field in ("quality", "background"):
        assert document[field]
        if document[field] == "auto":
            document = {key: value for key, value in document.items() if key != field}
    return ImagesResponse.model_validate(document, strict=True)


@pytest.mark.parametrize("n", (1, 3))
def test_a_plain_answer(open_gateway, n):
    answer = read_plain(open_gateway.generate(model="auto", size="512x512", n=n))
    assert len(answer.data) == n and answer.size == "512x512" and answer.output_format == "png"
    assert answer.usage.input_tokens_details.text_tokens == answer.usage.input_tokens > 0
    assert answer.usage.output_tokens_details is not None


@pytest.mark.parametrize("n, partial_images", ((1, 0), (1, 2), (3, 0), (3, 2)))
def test_a_stream_of_the_sandbox(open_gateway, n, partial_images):
    found = events(open_gateway.generate(model="auto", size="512x512", n=n, stream=True, partial_images=partial_images))
    assert len(found) == n + n * partial_images
    assert {event.quality for _, event in found} == {"auto"} and {event.size for _, event in found} == {"512x512"}
    plain = open_gateway.generate(model="auto", size="512x512", n=n).json
    assert added(data["usage"] for data, _ in found if "usage" in data) == plain["usage"]


@pytest.mark.parametrize("fake, api, model", STREAMING)
@pytest.mark.parametrize("n, partial_images", ((1, 0), (1, 1), (3, 1)))
def test_a_stream_of_a_provider_that_streams(over, fake, api, model, n, partial_images):
    g = over(fake(), api, model)
    found = events(g.generate(model="streamed", n=n, stream=True, partial_images=partial_images, quality="low"))
    done = [event for _, event in found if event.type == "image_generation.completed"]
    assert len(done) == n and sum(event.usage.total_tokens for event in done) > 0
    assert {event.quality for event in done} == {"low"}


def test_a_stream_over_a_provider_that_does_not_stream_shares_its_usage(over):
    usage = {"input_tokens": 7, "input_tokens_details": {"text_tokens": 5, "image_tokens": 2}, "output_tokens": 301,
             "output_tokens_details": {"text_tokens": 0, "image_tokens": 301}, "total_tokens": 308}
    fake = OpenAI()
    g = over(fake, "openai", "gpt-image-1.5")
    normal = g.generate(model="streamed", n=3, quality="low").json
    fake.next(Json({**{key: normal[key] for key in ("created", "data")}, "usage": usage}))
    found = events(g.generate(model="streamed", n=3, quality="low", stream=True))
    assert [event.usage.total_tokens for _, event in found] == [103, 103, 102]
    assert added(data["usage"] for data, _ in found) == usage


def test_an_image_that_is_handed_on_while_it_comes(over):
    g = over(OpenAI(image_bytes=300_000), "openai", "gpt-image-1.5", "image_gateway_buffering off;")
    answer = read_plain(g.generate(model="streamed", quality="low", background="opaque"))
    assert (answer.quality, answer.background) == ("low", "opaque") and answer.usage.total_tokens > 0
