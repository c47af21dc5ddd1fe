"""A strict fake of OpenAI's `POST {base}/images/generations` and `…/edits`.

    fake = OpenAI().start()
    fake.next(ERRORS["rate_limit_exceeded"], Delay(2), Reset())
    … fake.url is what `url` in an image_provider block wants …
    fake.requests[0].json, fake.aborted, fake.in_flight
    fake.stop()

By hand, from t/: python -m fakes.openai --port 0
"""

import argparse
import base64
import json
import math
import re
import time
from dataclasses import dataclass
from itertools import count
from typing import Optional

from . import openai_rules as rules
from .behaviours import (Behaviour, Chunked, CloseIdle, CloseUnanswered, Delay, Hang, Json, KeepAliveClose, Raw,
                         Reply, Reset, ResetBeforeBody, SayClose, Trickle, Truncate, UntilClose)
from .case import Case, Probe
from .event_stream import stream_reply
from .openai_edits import edit_document, edit_problem, read_any_edit
from .openai_errors import CALLER, ERRORS, ERRORS_BY_OUTCOME, OUTCOMES, Error
from .sample_images import sample_image
from .server import FakeServer, Request

__all__ = ["OpenAI", "Images", "Error", "ERRORS", "ERRORS_BY_OUTCOME", "OUTCOMES", "Behaviour", "Chunked", "CloseIdle",
           "CloseUnanswered", "Delay", "Hang", "Json", "KeepAliveClose", "Raw", "Reply", "Reset", "ResetBeforeBody",
           "SayClose", "Trickle", "Truncate", "UntilClose"]

KEY = "sk-test-openai"
OLD_TOKENS = {"1024x1024": (272, 1056, 4160), "1024x1536": (408, 1584, 6240), "1536x1024": (400, 1568, 6208)}
GRIDS = {"gpt-image-2": {"low": 16, "medium": 48, "high": 96},
         "gpt-image-2.5": {"low": 16, "medium": 24, "high": 48, "xhigh": 64, "max": 96}}


def output_tokens(model: str, size: str, quality: str) -> int:
    """Tokens of one image, by the formula that reproduces OpenAI's published values."""
    if not rules.has_free_sizes(model):
        return OLD_TOKENS[size][("low", "medium", "high").index(quality)]
    grid = GRIDS["gpt-image-2.5" if model.startswith("gpt-image-2.5") else "gpt-image-2"][quality]
    width, height = map(int, size.split("x"))
    short = round(grid * min(width, height) / max(width, height))
    return math.ceil(grid * short * (2000000 + width * height) / 4000000)


def _no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("the same key twice in one object")
    return dict(pairs)


def _no_constants(name):
    raise ValueError(f"{name} is not JSON")


@dataclass
class Images(Behaviour):
    """The normal answer with something changed: other sizes in bytes, fewer images, fields added or replaced.

    `change` is called with the answer's document and returns the one to send."""

    image_bytes: Optional[int] = None
    change: Optional[callable] = None
    headers: Optional[dict] = None

    def reply(self, call) -> Reply:
        document = call.server.document(call.request, self.image_bytes)
        return call.server.json_reply(self.change(document) if self.change else document, self.headers)


class OpenAI(FakeServer):
    """`family="gpt"` is OpenAI itself; `family="dalle"` a compatible server that takes response_format and style.

    `keys`: those it accepts. `models`: those it has (by default OpenAI's current ones, or any for "dalle").
    `image_bytes`: pads every image to exactly so many bytes. `auto_size`: what size "auto" turns out to be.
    `extra_fields`: what a compatible server takes of its own. `uploads`: the account's files, by id."""

    def __init__(self, keys=(KEY,), family="gpt", models=None, image_bytes=None, auto_size="1024x1024",
                 auto_quality="high", base="/v1", tls=None, port=0, extra_fields=(), uploads=None):
        super().__init__(tls=tls, port=port)
        if family not in ("gpt", "dalle"):
            raise ValueError(f"family: {family}")
        self.keys = {keys} if isinstance(keys, str) else set(keys)
        self.family = family
        self.models = set(models) if models is not None else set(rules.CURRENT) if family == "gpt" else None
        self.image_bytes, self.auto_size, self.auto_quality = image_bytes, auto_size, auto_quality
        self.extra_fields = set(extra_fields)
        self.uploads = dict(uploads or {})
        self.base = base
        self.url = self.origin + base
        self.path = f"{base}/images/generations"
        self.edits_path = f"{base}/images/edits"
        self._numbers = count(1)
        self._files = {}

    def is_scripted(self, head) -> bool:
        return head.path in (self.path, self.edits_path) and head.method == "POST"

    @property
    def work(self) -> list:
        """The requests that asked for images (and not, say, for a hosted file)."""
        return [one for one in self.requests if one.path in (self.path, self.edits_path)]

    def wants_key(self, request) -> bool:
        return request.path not in self._files

    # Strictness, in the order in which the real one looks

    def refuse(self, request: Request) -> Optional[Reply]:
        if request.method in ("GET", "HEAD") and request.path in self._files:
            return None
        error = self._wrong_key(request) or self._wrong_address(request)
        if request.path == self.edits_path:
            error = error or edit_problem(request, self.models, self.uploads)
        else:
            error = (error or self._wrong_type(request) or self._wrong_json(request)
                     or self._wrong_request(request.json))
        if not error:
            return None
        reply = error.plain_reply()
        reply.headers = {**self.common_headers(), **reply.headers}
        return reply

    def _wrong_key(self, request):
        given = [value for name, value in request.header_list if name == "authorization"]
        if not given:
            return Error(401, None, CALLER, "You didn't provide an API key. You need to provide your API key in an "
                         "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).")
        match = re.fullmatch(r"Bearer (\S+)", given[0])
        if len(given) > 1 or not match or match[1] not in self.keys:
            shown = match[1][:7] if match else ""
            return Error(401, "invalid_api_key", CALLER, f"Incorrect API key provided: {shown}***. You can find your "
                         "API key at https://platform.openai.com/account/api-keys.")

    def _wrong_address(self, request):
        if request.path not in (self.path, self.edits_path) or request.query:
            return Error(404, None, CALLER, f"Invalid URL ({request.method} {request.path})")
        if request.method != "POST":
            return Error(405, "method_not_supported", CALLER, f"Not allowed to {request.method} on {request.path}.")

    @staticmethod
    def _wrong_type(request):
        given = request.headers.get("content-type", "")
        if not re.fullmatch(r"application/json(\s*;\s*charset=\"?utf-8\"?)?", given, re.IGNORECASE):
            return Error(400, "unsupported_content_type", CALLER, f"Unsupported content type: '{given}'. This API "
                         "method only accepts 'application/json' requests.")

    @staticmethod
    def _wrong_json(request):
        try:
            value = json.loads(request.body.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
        except ValueError as problem:
            return Error(400, None, CALLER, f"We could not parse the JSON body of your request: {problem}")
        if not isinstance(value, dict):
            return Error(400, "invalid_type", CALLER, "Invalid type for body: expected an object.")

    def _wrong_request(self, body):
        model = body.get("model")
        model = "dall-e-2" if model is None else model
        if not isinstance(model, str):
            return Error(400, "invalid_type", CALLER, "Invalid type for 'model': expected a string.", "model")
        if self.models is not None and model not in self.models:
            return rules.model_not_found(model)
        if self.family == "gpt" and rules.is_gpt_family(model):
            return rules.gpt_problem(body, model)
        return rules.dalle_problem({name: body[name] for name in body if name not in self.extra_fields}, model)

    # The answer

    def accept(self, request: Request) -> Reply:
        if request.path in self._files:
            return Reply(200, {"Content-Type": "image/png"}, self._files[request.path])
        if self._fields(request).get("stream"):
            return self.stream_reply(request)
        return self.json_reply(self.document(request))

    def json_reply(self, document, headers=None) -> Reply:
        return Reply(200, {"Content-Type": "application/json", **self.common_headers(), **(headers or {})},
                     json.dumps(document, indent=2).encode())

    def _fields(self, request) -> dict:
        return self._edit(request)[0] if request.path == self.edits_path else request.json

    def _edit(self, request) -> tuple:
        return read_any_edit(request, self.uploads)

    def stream_reply(self, request, style=None) -> Reply:
        body = self._fields(request)
        return stream_reply(self.document(request), body.get("partial_images") or 0, style,
                            output_format=body.get("output_format") or "png", headers=self.common_headers(),
                            operation="image_edit" if request.path == self.edits_path else "image_generation")

    def common_headers(self) -> dict:
        """What every answer of OpenAI's carries, and no caller of the gateway may see."""
        return {"x-request-id": f"req_{next(self._numbers):032x}", "openai-organization": "org-fake-account",
                "openai-version": "2020-10-01", "openai-processing-ms": "12", "x-ratelimit-limit-requests": "500",
                "x-ratelimit-remaining-requests": "499", "x-ratelimit-reset-requests": "120ms",
                "Set-Cookie": "__cf_bm=fake; path=/; HttpOnly", "CF-Ray": "fake-FRA"}

    def document(self, request: Request, image_bytes=None) -> dict:
        """The answer to a good request, as a JSON document."""
        if request.path == self.edits_path:
            return edit_document(*self._edit(request))
        body = {name: value for name, value in request.json.items() if value is not None}
        image_bytes = image_bytes or self.image_bytes or 0
        gpt = self.family == "gpt" and rules.is_gpt_family(body.get("model", ""))
        return self._gpt_document(body, image_bytes) if gpt else self._dalle_document(body, image_bytes)

    def _gpt_document(self, body, image_bytes) -> dict:
        size = body.get("size", "auto")
        size = self.auto_size if size == "auto" else size
        quality = body.get("quality", "auto")
        quality = self.auto_quality if quality == "auto" else quality
        background = "transparent" if body.get("background") == "transparent" else "opaque"
        output_format = body.get("output_format", "png")
        made = self._images(body, size, output_format, image_bytes, background == "transparent")
        text = len(body["prompt"].encode()) // 4 + 7
        image = len(made) * output_tokens(body["model"], size, quality)
        return {"created": int(time.time()), "background": background, "output_format": output_format,
                "quality": quality, "size": size,
                "data": [{"b64_json": base64.b64encode(one).decode()} for one in made],
                "usage": {"input_tokens": text, "input_tokens_details": {"text_tokens": text, "image_tokens": 0},
                          "output_tokens": image, "output_tokens_details": {"image_tokens": image, "text_tokens": 0},
                          "total_tokens": text + image}}

    def _dalle_document(self, body, image_bytes) -> dict:
        size = body.get("size", "1024x1024")
        made = self._images(body, "1024x1024" if size == "auto" else size, "png", image_bytes, False)
        wants_url = body.get("response_format", "url") == "url"
        data = [{"url": self._host(one)} if wants_url else {"b64_json": base64.b64encode(one).decode()}
                for one in made]
        if body.get("model") == "dall-e-3":
            for one in data:
                one["revised_prompt"] = f"{body['prompt']}, in rich detail"
        return {"created": int(time.time()), "data": data}

    @staticmethod
    def _images(body, size, output_format, image_bytes, transparent) -> list:
        width, height = map(int, size.split("x"))
        return [sample_image(width, height, output_format, index, image_bytes, transparent)
                for index in range(body.get("n", 1))]

    def _host(self, data: bytes) -> str:
        path = f"/files/{next(self._numbers)}.png"
        self._files[path] = data
        return self.origin + path


def _sent(name):
    return lambda request: request.json.get(name)


CASE = Case(
    api="openai", fake=OpenAI, model="gpt-image-1.5", most=10, errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", _sent("prompt")), "n": Probe(2, _sent("n")),
            "size": Probe("1536x1024", _sent("size")), "quality": Probe("low", _sent("quality")),
            "background": Probe("transparent", _sent("background"), beside={"output_format": "png"}),
            "output_format": Probe("webp", _sent("output_format")),
            "output_compression": Probe(50, _sent("output_compression"), beside={"output_format": "webp"}),
            "moderation": Probe("low", _sent("moderation")), "user": Probe("u-1", _sent("user"))})


def main():
    parser = argparse.ArgumentParser(description="A strict fake of OpenAI's image generations, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: the kernel picks one")
    parser.add_argument("--key", action="append", help=f"accepted key, repeatable (default: {KEY})")
    parser.add_argument("--family", choices=("gpt", "dalle"), default="gpt")
    parser.add_argument("--image-bytes", type=int, help="exact size of every image")
    parser.add_argument("--delay", type=float, help="seconds before every answer")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    options = parser.parse_args()
    with OpenAI(keys=options.key or (KEY,), family=options.family, image_bytes=options.image_bytes, tls=options.tls,
                port=options.port) as fake:
        if options.delay:
            fake.always(Delay(options.delay))
        print(fake.url, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
