"""Edits by other clients, unmodified, with one file and several and with masks: Vercel's AI SDK, and LiteLLM.

LiteLLM has 60 packages with 380 MB, so it is not installed with the others: LITELLM=1 ./build.sh test does."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from fakes.edited import mask, original, painted_box
from fakes.openai_edits import read_edit
from test_edits_openai import MODEL, fake, g  # noqa: F401
from test_openai_node import HERE, node  # noqa: F401

LITELLM = os.environ.get("SDK_LITELLM_PYTHON")


def run(command, given) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, input=json.dumps(given))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def ai_sdk(node, g):  # noqa: F811
    return lambda **given: run(["node", HERE / "ai_edit.mjs"], {"baseURL": f"{g.url}/v1", "model": MODEL, **given})


@pytest.fixture
def lite_llm(g):  # noqa: F811
    if not LITELLM:
        pytest.skip("LiteLLM is not installed: LITELLM=1 ./build.sh test")
    return lambda **given: run([LITELLM, Path(__file__).parent / "litellm_edit.py"], {"base": f"{g.url}/v1", "model": MODEL, **given})


@pytest.fixture(params=["ai_sdk", "lite_llm"])
def edit(request, scratch):
    client = request.getfixturevalue(request.param)

    def run_with(images, masked=None, **ask):
        paths = []
        for number, content in enumerate([*images, *([masked] if masked else [])]):
            paths.append(scratch / f"{number}.png")
            paths[-1].write_bytes(content)
        return client(images=[str(path) for path in paths[:len(images)]], mask=str(paths[-1]) if masked else None,
                      ask={"prompt": "a red kite", **ask})

    return run_with


def boxes(answer) -> list:
    return [painted_box(base64.b64decode(one)) for one in answer["images"]]


def test_one_file_is_edited(edit, fake):  # noqa: F811
    assert boxes(edit([original()])) == [(0, 0, 64, 6)]
    fields, files = read_edit(fake.work[0])
    assert fields["prompt"] == "a red kite"
    assert [(one.field, one.content) for one in files] == [("image", original())]


def test_several_files_with_a_mask_are_edited(edit, fake):  # noqa: F811
    answer = edit([original(), original(64, 48, "JPEG")], mask(), n=2)
    assert boxes(answer) == [(0, 0, 32, 48)] * 2
    files = read_edit(fake.work[0])[1]
    assert [(one.field, one.type) for one in files] == [("image[]", "image/png"), ("image[]", "image/jpeg"), ("mask", "image/png")]
    assert files[2].content == mask()


def test_a_size_and_a_quality_reach_the_provider(ai_sdk, scratch, fake):  # noqa: F811
    (scratch / "0.png").write_bytes(original())
    answer = ai_sdk(images=[str(scratch / "0.png")], mask=None,
                    ask={"prompt": "a", "size": "1024x1024", "providerOptions": {"openai": {"quality": "low", "inputFidelity": "high"}}})
    assert answer["warnings"] == []
    fields = read_edit(fake.work[0])[0]
    assert (fields["size"], fields["quality"], fields["input_fidelity"]) == ("1024x1024", "low", "high")


def test_what_is_wrong_is_told(edit, fake):  # noqa: F811
    told = edit([original()], mask(10, 10))["error"]
    assert told["status"] == 400 and "Both must have the same size" in told["message"]
    assert not fake.work
