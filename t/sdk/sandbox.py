"""What the SDK tests share: gateways with the sandbox provider, and how to look at a picture."""

import base64
import struct

import pytest
from harness import key_entry, write_keys

SANDBOX = """
    image_provider sandbox { api sandbox; }
    image_model auto sandbox/placeholder;
"""
SECRET = "sk-bf-team-a-secret"
OPEN = "image_gateway; image_gateway_auth off;"
CLOSED = "image_gateway; image_gateway_auth required;"


@pytest.fixture
def open_gateway(gateway):
    """Anyone may."""
    return gateway(OPEN, SANDBOX, extra_locations=f"location /openai/ {{ {OPEN} }}")


@pytest.fixture
def closed_gateway(gateway, scratch):
    """Only SECRET may."""
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", SECRET)])
    return gateway(CLOSED, SANDBOX + f"image_gateway_keys {keys};", extra_locations=f"location /openai/ {{ {CLOSED} }}")


def png_size(b64_json: str) -> tuple:
    data = base64.b64decode(b64_json, validate=True)
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", data[16:24])
