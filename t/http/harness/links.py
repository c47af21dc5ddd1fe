"""Providers whose answers are links, and the server that these lead to."""

import pytest

from fakes.openai import Json
from fakes.images_host import ImagesHost

from .configuration import provider

OPEN = "image_gateway; image_gateway_auth off;"
ALLOW = "image_gateway_fetch_allow 127.0.0.0/8 ::1;"


@pytest.fixture
def host():
    """A server of images."""
    with ImagesHost() as one:
        yield one


@pytest.fixture
def studio(openai_factory):
    """A server that speaks like OpenAI's for dall-e, with any model."""
    return openai_factory(family="dalle")


@pytest.fixture
def ask(gateway, studio):
    """ask()(*links): asks for b64_json when the provider answers with these links."""
    def start(more=ALLOW, about_provider="", **parts):
        g = gateway(OPEN + more, provider("studio", studio, about_provider), **parts)

        def ask(*links, headers=(), **fields):
            studio.next(Json({"created": 1, "data": [{"url": link} for link in links]}))
            return g.generate(headers, model="studio/sdxl", **{"response_format": "b64_json", "n": len(links), **fields})
        ask.gateway = g
        return ask
    return start
