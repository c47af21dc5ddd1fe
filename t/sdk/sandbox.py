"""Shared code of the SDK tests: gateways with the sandbox and with providers that stream, and checks of events."""

import base64
import struct

import pytest
from fakes.azure_openai import AzureOpenAi
from fakes.openai import OpenAI
from fakes.openrouter import OpenRouter
from harness import key_entry, provider, write_keys

SANDBOX = """
    image_provider sandbox { api sandbox; }
    image_model auto sandbox/placeholder;
"""
SECRET = "sk-bf-team-a-secret"
OPEN = "image_gateway; image_gateway_auth off;"
CLOSED = "image_gateway; image_gateway_auth required;"
STREAMING = ((OpenAI, "openai", "gpt-image-1.5"), (AzureOpenAi, "azure-openai", "gpt-image-1.5"),
             (OpenRouter, "openrouter", "openai/gpt-image-2"))  # fake, api, model


@pytest.fixture
def open_gateway(gateway):
    """A gateway without authentication."""
    return gateway(OPEN, SANDBOX, extra_locations=f"location /openai/ {{ {OPEN} }}")


@pytest.fixture
def closed_gateway(gateway, scratch):
    """A gateway that accepts only SECRET."""
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", SECRET)])
    return gateway(CLOSED, SANDBOX + f"image_gateway_keys {keys};", extra_locations=f"location /openai/ {{ {CLOSED} }}")


@pytest.fixture
def over(gateway):
    """A gateway without authentication, whose model "streamed" is this model of a fake."""
    started = []

    def start(fake, api, model, more=""):
        started.append(fake.start())
        return gateway(OPEN + more, provider("p", fake, api=api) + f"image_model streamed p/{model};",
                       extra_locations=f"location /openai/ {{ {OPEN}{more} }}")

    yield start
    for fake in started:
        fake.stop()


def png_size(b64_json: str) -> tuple:
    data = base64.b64decode(b64_json, validate=True)
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", data[16:24])


def assert_a_preview_of_each(events, images):
    """Before the image itself, in whatever order images arrive; and each image has its usage."""
    types = {index: [one["type"] for one in events if one["index"] == index] for index in range(images)}
    assert types == {index: [f"image_generation.{kind}" for kind in ("partial_image", "completed")]
                     for index in range(images)}
    assert len(events) == 2 * images
    assert ["usage" in one for one in events] == [one["type"].endswith(".completed") for one in events]
    assert sum(one["usage"]["total_tokens"] for one in events if "usage" in one) > 0
    for one in events:
        png_size(one["b64_json"])
