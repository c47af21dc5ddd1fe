"""OpenAI's own Node client, unmodified, against the gateway.

Before the first time: npm ci, in t/sdk/node or in a copy of it that SDK_NODE_DIR names."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes.event_stream import breaks_off_after, failure
from fakes.openai import ERRORS, Delay, OpenAI
from sandbox import SECRET, STREAMING, assert_a_preview_of_each, png_size

HERE = Path(os.environ.get("SDK_NODE_DIR") or Path(__file__).parent / "node").absolute()
ASK = {"model": "auto", "prompt": "a red kite", "size": "512x512", "response_format": "b64_json"}


@pytest.fixture(scope="session")
def node():
    if not shutil.which("node"):
        pytest.skip("there is no node")
    if not (HERE / "node_modules/openai").is_dir():
        pytest.fail(f"OpenAI's Node client is not installed: run npm ci in {HERE}", pytrace=False)

    def run(client, options, ask):
        done = subprocess.run(["node", HERE / "generate.mjs"], capture_output=True, text=True, timeout=60,
                              input=json.dumps({"client": client, "options": options, "ask": ask}))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(params=["OpenAI", "AzureOpenAI"])
def generate(request, node):
    """generate(gateway, key, **changes): the answer, or the error, of one call."""
    def run(gateway, key="any", **changes):
        options = {"apiKey": key}
        if request.param == "OpenAI":
            options["baseURL"] = f"{gateway.url}/v1"
        else:
            options.update(endpoint=gateway.url, apiVersion="2025-04-01-preview")
        return node(request.param, options, {**ASK, **changes})

    return run


def test_an_image_is_a_png_of_the_size_asked_for(open_gateway, generate):
    data = generate(open_gateway)["answer"]["data"]
    assert [png_size(one["b64_json"]) for one in data] == [(512, 512)]


def test_two_images_are_two(open_gateway, generate):
    data = generate(open_gateway, n=2)["answer"]["data"]
    assert [png_size(one["b64_json"]) for one in data] == [(512, 512)] * 2


def test_a_stream_of_three_images_is_three_events(open_gateway, generate):
    found = generate(open_gateway, n=3, stream=True)["answer"]
    assert [event["type"] for event in found] == ["image_generation.completed"] * 3
    assert [png_size(event["b64_json"]) for event in found] == [(512, 512)] * 3


def test_a_stream_has_previews(open_gateway, generate):
    found = generate(open_gateway, n=3, stream=True, partial_images=2)["answer"]
    assert [event["type"] for event in found] == (["image_generation.partial_image"] * 6
                                                  + ["image_generation.completed"] * 3)
    assert {png_size(event["b64_json"]) for event in found} == {(512, 512)}


def test_each_of_three_placeholders_has_its_preview(open_gateway, generate):
    assert_a_preview_of_each(generate(open_gateway, n=3, stream=True, partial_images=1)["answer"], 3)


@pytest.mark.parametrize("fake, api, model", STREAMING)
def test_previews_of_a_provider_that_streams_are_passed_on(over, generate, fake, api, model):
    found = generate(over(fake(), api, model), model="streamed", n=3, stream=True, partial_images=1)["answer"]
    assert_a_preview_of_each(found, 3)


@pytest.mark.parametrize("ending, code", (
    ((), "all_providers_failed"), ((failure(),), "all_providers_failed"),
    ((failure("moderation_blocked", "image_generation_user_error"),), "content_policy_violation")))
def test_what_breaks_off_after_a_preview_raises(over, generate, ending, code):
    fake = OpenAI()
    fake.next(breaks_off_after(1, *ending))
    found = generate(over(fake, "openai", "gpt-image-1.5"), model="streamed", stream=True, partial_images=1)
    assert [event["type"] for event in found["events"]] == ["image_generation.partial_image"]
    assert (found["error"]["class"], found["error"]["code"]) == ("APIError", code)


def test_what_fails_after_signs_of_life_alone_raises(over, generate):
    fake = OpenAI()
    fake.next(Delay(0.5, ERRORS["moderation_blocked"]))
    g = over(fake, "openai", "gpt-image-1.5", "image_gateway_heartbeat 100ms;")
    found = generate(g, model="streamed", stream=True)
    assert found["events"] == []
    assert (found["error"]["class"], found["error"]["code"]) == ("APIError", "content_policy_violation")


def test_signs_of_life_are_no_events(over, generate):
    fake = OpenAI()
    fake.next(Delay(0.5))
    g = over(fake, "openai", "gpt-image-1.5", "image_gateway_heartbeat 100ms;")
    event, = generate(g, model="streamed", stream=True)["answer"]
    assert event["type"] == "image_generation.completed" and png_size(event["b64_json"]) == (1024, 1024)


def test_a_stream_that_fails_before_its_head_raises_as_ever(open_gateway, generate):
    error = generate(open_gateway, model="no-such-model", stream=True)["error"]
    assert (error["class"], error["code"]) == ("NotFoundError", "model_not_found")


def test_an_unknown_model_is_not_found(open_gateway, generate):
    error = generate(open_gateway, model="no-such-model")["error"]
    assert (error["class"], error["code"]) == ("NotFoundError", "model_not_found")


def test_a_bad_size_is_named(open_gateway, generate):
    error = generate(open_gateway, size="0x0")["error"]
    assert (error["class"], error["param"], error["type"]) == ("BadRequestError", "size", "invalid_request_error")


def test_a_key_is_enough(closed_gateway, generate):
    data = generate(closed_gateway, SECRET)["answer"]["data"]
    assert png_size(data[0]["b64_json"]) == (512, 512)


def test_a_wrong_key_is_refused(closed_gateway, generate):
    error = generate(closed_gateway, "sk-bf-wrong")["error"]
    assert error["class"] == "AuthenticationError" and error["requestID"]


def test_the_clients_speak_as_these_tests_believe(openai_factory, node):
    """Does not test the gateway: checks that the pinned client sends what the tests above are about."""
    fake = openai_factory(keys={"sk-1"}, family="dalle")
    assert node("OpenAI", {"apiKey": "sk-1", "baseURL": fake.url}, ASK)["answer"]["data"]
    azure_options = {"apiKey": "sk-1", "endpoint": fake.origin, "apiVersion": "2025-04-01-preview"}
    assert node("AzureOpenAI", azure_options, ASK)["error"]["status"] >= 400
    plain, azure = fake.requests
    assert plain.json == ASK and plain.headers["authorization"] == "Bearer sk-1"
    assert azure.path == "/openai/deployments/auto/images/generations"
    assert azure.query == "api-version=2025-04-01-preview" and azure.headers["api-key"] == "sk-1"
