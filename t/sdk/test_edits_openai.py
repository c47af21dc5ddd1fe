"""Edits by OpenAI's own clients for Python and Node, unmodified: one file and several, masks, streams, variations."""

import base64
import io
import json
import subprocess

import openai
import pytest
from fakes.edited import mask, original, painted_box
from fakes.openai import OpenAI
from fakes.openai_edits import read_edit
from harness import provider
from openai.types import ImageEditStreamEvent, ImagesResponse
from sandbox import OPEN
from test_openai_node import HERE, node  # noqa: F401

MODEL = "openai/gpt-image-1.5"


@pytest.fixture
def fake():
    with OpenAI() as one:
        yield one


@pytest.fixture
def g(gateway, fake):
    return gateway(OPEN, provider("openai", fake) + "image_provider sandbox { api sandbox; }",
                   extra_locations=f"location /openai/ {{ {OPEN} }}")


@pytest.fixture(params=["OpenAI", "AzureOpenAI"])
def client(request, g):
    made = (openai.OpenAI(base_url=f"{g.url}/v1", api_key="any", max_retries=0, timeout=30) if request.param == "OpenAI" else
            openai.AzureOpenAI(azure_endpoint=g.url, api_key="any", api_version="2025-04-01-preview", max_retries=0, timeout=30))
    yield made
    made.close()


def box_of(answer) -> tuple:
    return painted_box(base64.b64decode(answer.data[0].b64_json))


def test_python_edits_one_file(client, fake, scratch):
    (scratch / "a.png").write_bytes(original())
    with open(scratch / "a.png", "rb") as file:
        assert box_of(client.images.edit(model=MODEL, image=file, prompt="a red kite", n=1)) == (0, 0, 64, 6)
    assert box_of(client.images.edit(model=MODEL, image=original(), prompt="a red kite", size="1024x1024")) == (0, 0, 64, 6)
    named = ("ä \"b\".png", original(), "image/png")
    assert box_of(client.images.edit(model=MODEL, image=named, prompt="a red kite")) == (0, 0, 64, 6)
    assert [one.name for one in read_edit(fake.work[-1])[1]] == ["image.png"]


def test_python_edits_several_files_with_a_mask(client, fake):
    answer = client.images.edit(model=MODEL, image=[original(), io.BytesIO(original())], mask=mask(), prompt="a red kite",
                                input_fidelity="high")
    assert box_of(answer) == (0, 0, 32, 48)
    fields, files = read_edit(fake.work[0])
    assert fields["input_fidelity"] == "high"
    assert [one.field for one in files] == ["image[]", "image[]", "mask"]
    assert answer.usage.input_tokens_details.image_tokens == 646


def test_python_streams_an_edit(client):
    found = list(client.images.edit(model=MODEL, image=original(), prompt="a red kite", stream=True, partial_images=1))
    assert [event.type for event in found] == ["image_edit.partial_image", "image_edit.completed"]
    assert painted_box(base64.b64decode(found[-1].b64_json)) == (0, 0, 64, 6)


def test_python_names_files_that_the_account_has(client, fake):
    """The published JSON form, for which the client has no method of its own."""
    fake.uploads["file-kite"] = original()
    body = {"model": MODEL, "prompt": "a red kite", "images": [{"file_id": "file-kite"}]}
    assert box_of(client.post("/images/edits", cast_to=ImagesResponse, body=body)) == (0, 0, 64, 6)
    assert fake.work[-1].json == {**body, "model": "gpt-image-1.5"}
    stream = client.post("/images/edits", cast_to=ImagesResponse, body={**body, "stream": True, "partial_images": 1}, stream=True,
                         stream_cls=openai.Stream[ImageEditStreamEvent])
    assert [event.type for event in stream] == ["image_edit.partial_image", "image_edit.completed"]
    with pytest.raises(openai.BadRequestError) as told:
        client.post("/images/edits", cast_to=ImagesResponse, body={**body, "images": [{"file_id": "file-none"}]})
    assert "No such File object" in told.value.message


def test_python_makes_a_variation(client):
    answer = client.images.create_variation(model="sandbox/placeholder", image=original(), n=2)
    assert len(answer.data) == 2


def test_python_is_told_what_is_wrong(client):
    with pytest.raises(openai.BadRequestError) as told:
        client.images.edit(model=MODEL, image=b"no image", prompt="a")
    assert (told.value.code, told.value.param) == ("unsupported_image_format", "image")


@pytest.fixture
def edit(node, g, scratch):  # noqa: F811
    def run(images, masked=None, **ask):
        paths = []
        for number, content in enumerate([*images, *([masked] if masked else [])]):
            paths.append(scratch / f"{number}.png")
            paths[-1].write_bytes(content)
        given = {"options": {"apiKey": "any", "baseURL": f"{g.url}/v1"}, "ask": {"model": MODEL, "prompt": "a red kite", **ask},
                 "images": [str(path) for path in paths[:len(images)]], "mask": str(paths[-1]) if masked else None}
        done = subprocess.run(["node", HERE / "edit.mjs"], capture_output=True, text=True, timeout=60, input=json.dumps(given))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("form", ("stream", "file", "blob"))
def test_node_edits_files_in_each_form(edit, fake, form):
    answer = edit([original()], form=form)["answer"]
    assert painted_box(base64.b64decode(answer["data"][0]["b64_json"])) == (0, 0, 64, 6)
    answer = edit([original(), original()], mask(), form=form)["answer"]
    assert painted_box(base64.b64decode(answer["data"][0]["b64_json"])) == (0, 0, 32, 48)
    assert [one.field for one in read_edit(fake.work[-1])[1]] == ["image[]", "image[]", "mask"]


def test_node_streams_an_edit(edit):
    events = edit([original()], form="file", stream=True, partial_images=1)["answer"]
    assert [event["type"] for event in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_node_is_told_about_a_buffer(edit, fake):
    told = edit([original()], form="buffer")["error"]
    assert told["status"] == 400 and "toFile" in told["message"]
    assert not fake.work
