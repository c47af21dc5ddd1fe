"""A plain call kept alive (image_gateway_heartbeat plain=TIME): what unmodified SDKs make of white space before a document."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
from fakes.behaviours import Delay
from fakes.openai import ERRORS, OpenAI
from sandbox import png_size

HERE = Path(os.environ.get("SDK_NODE_DIR") or Path(__file__).parent / "node").absolute()
KEPT = "image_gateway_heartbeat 15s plain=100ms;"


@pytest.fixture
def slow(over):
    """A gateway whose first call takes half a second, and whose second one fails after half a second."""
    fake = OpenAI()
    fake.next(Delay(0.5), Delay(0.5, ERRORS["moderation_blocked"]))
    return over(fake, "openai", "gpt-image-1.5", KEPT)


def node(script, **ask):
    if not shutil.which("node"):
        pytest.skip("there is no node")
    done = subprocess.run(["node", HERE / script], capture_output=True, text=True, timeout=60, input=json.dumps(ask))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_openais_python_client_reads_images_and_shows_the_error(slow):
    with openai.OpenAI(base_url=f"{slow.url}/v1", api_key="any", max_retries=0, timeout=30) as client:
        reply = client.images.generate(model="streamed", prompt="x")
        assert png_size(reply.data[0].b64_json) == (1024, 1024)
        assert reply.model_extra["extra_fields"]["status_committed"] is True
        failed = client.images.generate(model="streamed", prompt="x")
        assert failed.data is None and failed.model_extra["error"]["code"] == "content_policy_violation"
        assert failed.model_extra["status_code"] == 400


def test_openais_node_client_reads_images_and_shows_the_error(slow):
    ask = {"client": "OpenAI", "options": {"apiKey": "any", "baseURL": f"{slow.url}/v1"},
           "ask": {"model": "streamed", "prompt": "x"}}
    assert png_size(node("generate.mjs", **ask)["answer"]["data"][0]["b64_json"]) == (1024, 1024)
    failed = node("generate.mjs", **ask)["answer"]
    assert failed["error"]["code"] == "content_policy_violation" and failed["status_code"] == 400 and "data" not in failed


def test_vercels_client_reads_images_and_fails_without(slow):
    ask = {"baseURL": f"{slow.url}/v1", "model": "streamed"}
    found = node("ai_generate.mjs", **ask)
    assert [png_size(one) for one in found["images"]] == [(1024, 1024)], found
    assert "images" not in node("ai_generate.mjs", **ask)
