"""OpenAI's own Python client, unmodified, against the gateway."""

import base64
import urllib.request

import openai
import pytest
from fakes.event_stream import breaks_off_after
from fakes.openai import ERRORS, OpenAI, Reset
from harness import key_entry, write_keys
from sandbox import CLOSED, SANDBOX, SECRET, STREAMING, assert_a_preview_of_each, png_size

ASK = {"model": "auto", "prompt": "a red kite", "size": "512x512", "response_format": "b64_json"}


def client_of(gateway, key="any") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0, timeout=30)


def azure_client_of(gateway, key="any") -> openai.AzureOpenAI:
    return openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=key, api_version="2025-04-01-preview", max_retries=0,
                              timeout=30)


@pytest.fixture(params=[client_of, azure_client_of], ids=["OpenAI", "AzureOpenAI"])
def connect(request):
    """Creates clients, and closes their connections when the test ends."""
    clients = []

    def make(*arguments):
        clients.append(request.param(*arguments))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_an_image_is_a_png_of_the_size_asked_for(open_gateway, connect):
    answer = connect(open_gateway).images.generate(**ASK)
    assert [png_size(one.b64_json) for one in answer.data] == [(512, 512)]
    assert answer.created > 1_700_000_000


def test_two_images_are_two(open_gateway, connect):
    answer = connect(open_gateway).images.generate(**ASK, n=2)
    assert [png_size(one.b64_json) for one in answer.data] == [(512, 512)] * 2


def test_a_stream_of_three_images_is_three_events(open_gateway, connect):
    found = list(connect(open_gateway).images.generate(**ASK, n=3, stream=True))
    assert [event.type for event in found] == ["image_generation.completed"] * 3
    assert [png_size(event.b64_json) for event in found] == [(512, 512)] * 3
    assert found[-1].usage.total_tokens > 0


def test_a_stream_has_previews(open_gateway, connect):
    found = list(connect(open_gateway).images.generate(**ASK, n=3, stream=True, partial_images=2))
    assert [event.type for event in found[:6]] == ["image_generation.partial_image"] * 6
    assert [event.partial_image_index for event in found[:6]] == [0, 1] * 3
    assert [event.type for event in found[6:]] == ["image_generation.completed"] * 3
    assert {png_size(event.b64_json) for event in found} == {(512, 512)}


@pytest.mark.parametrize("failures, billed", (
    ((Reset(),), True),                                                # it is not known how it ended
    ((ERRORS["server_error"],) * 2, False)), ids=("unknown", "broken"))  # the gateway itself has tried twice
def test_a_client_repeats_by_itself_only_what_cannot_be_billed_twice(over, failures, billed):
    fake = OpenAI()
    fake.next(*failures)
    gateway = over(fake, "openai", "gpt-image-2")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="any", max_retries=2, timeout=30) as client:
        ask = {"prompt": "x", "model": "streamed"}
        if billed:
            with pytest.raises(openai.InternalServerError) as raised:
                client.images.generate(**ask)
            assert raised.value.response.headers["x-should-retry"] == "false"
            assert raised.value.body["code"] == "all_providers_failed"
        else:
            assert client.images.generate(**ask).data
    assert len(fake.requests) == (1 if billed else 3)


@pytest.fixture
def streamed(over):
    """The events that the client reads from a stream of such a fake."""
    def ask(fake, api, model):
        with client_of(over(fake, api, model)) as client:
            events = client.images.generate(prompt="x", model="streamed", n=3, stream=True, partial_images=1)
            return [event.to_dict() for event in events]
    return ask


@pytest.mark.parametrize("fake, api, model", STREAMING)
def test_previews_of_a_provider_that_streams_are_passed_on(streamed, fake, api, model):
    assert_a_preview_of_each(streamed(fake(), api, model), 3)


def test_what_breaks_off_after_a_preview_raises(streamed):
    fake = OpenAI()
    fake.next(breaks_off_after(1))
    with pytest.raises(openai.APIError) as raised:
        streamed(fake, "openai", "gpt-image-1.5")
    assert raised.value.code == "all_providers_failed"


def test_a_stream_that_fails_before_its_head_raises_as_ever(open_gateway, connect):
    with pytest.raises(openai.NotFoundError):
        connect(open_gateway).images.generate(**{**ASK, "model": "no-such-model"}, stream=True)


def test_an_unknown_model_is_not_found(open_gateway, connect):
    with pytest.raises(openai.NotFoundError) as raised:
        connect(open_gateway).images.generate(**{**ASK, "model": "no-such-model"})
    assert raised.value.code == "model_not_found"


def test_a_bad_size_is_named(open_gateway, connect):
    with pytest.raises(openai.BadRequestError) as raised:
        connect(open_gateway).images.generate(**{**ASK, "size": "0x0"})
    assert raised.value.param == "size"
    assert raised.value.type == "invalid_request_error"


def test_a_key_is_enough(closed_gateway, connect):
    answer = connect(closed_gateway, SECRET).images.generate(**ASK)
    assert png_size(answer.data[0].b64_json) == (512, 512)


def test_a_wrong_key_is_refused(closed_gateway, connect):
    with pytest.raises(openai.AuthenticationError) as raised:
        connect(closed_gateway, "sk-bf-wrong").images.generate(**ASK)
    assert raised.value.request_id


def test_the_clients_speak_as_these_tests_believe(openai_factory):
    """Does not test the gateway: checks that the pinned clients send what the tests above are about."""
    fake = openai_factory(keys={"sk-1"}, family="dalle")
    openai.OpenAI(base_url=fake.url, api_key="sk-1").images.generate(**ASK)
    with pytest.raises(openai.OpenAIError):
        openai.AzureOpenAI(azure_endpoint=fake.origin, api_key="sk-1", api_version="2025-04-01-preview",
                           max_retries=0).images.generate(**ASK)
    plain, azure = fake.requests
    assert plain.json == ASK and plain.headers["authorization"] == "Bearer sk-1"
    assert azure.path == "/openai/deployments/auto/images/generations"
    assert azure.query == "api-version=2025-04-01-preview" and azure.headers["api-key"] == "sk-1"


# Models


def test_models_are_listed_and_described(open_gateway):
    with client_of(open_gateway) as client:
        models = {model.id: model for model in client.models.list()}
        assert {"auto", "sandbox/placeholder"} <= set(models)
        model = client.models.retrieve("sandbox/placeholder")
        assert (model.id, model.object, model.owned_by) == ("sandbox/placeholder", "model", "sandbox")
        assert model.model_extra["supported_parameters"]["n"] == {"type": "range", "min": 1, "max": 10}
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("no-such-model")


# Links


def test_a_link_leads_to_the_image_with_and_without_the_key(gateway, scratch):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", SECRET)])
    store = f"image_gateway_store {scratch}/store;"
    g = gateway(f"{CLOSED} {store}", SANDBOX + f"image_gateway_keys {keys};")
    with client_of(g, SECRET) as client:
        answer = client.images.generate(**{**ASK, "response_format": "url"}, n=2)
        for one in answer.data:
            assert one.b64_json is None and one.url.startswith(f"{g.url}/v1/images/files/")
            for headers in ({}, {"Authorization": f"Bearer {SECRET}"}):
                with urllib.request.urlopen(urllib.request.Request(one.url, headers=headers)) as reply:
                    assert reply.headers["Content-Type"] == "image/png"
                    assert png_size(base64.b64encode(reply.read()).decode()) == (512, 512)
