"""A strict fake of the Gemini API's `POST {base}/models/MODEL:generateContent`, as far as it makes images.

    fake = GoogleGemini().start()
    fake.next(ERRORS["throttled"]["per_minute"], Answer(lambda document: {**document, "candidates": []}))
    fake.work[0].json

Every answer begins with a draft among its thoughts, as those of models that think may."""

import base64
import json
import re
from dataclasses import dataclass
from itertools import count
from typing import Callable, Optional

from . import google_gemini_rules as rules
from .behaviours import Behaviour, Reply
from .case import Case, Probe
from .edited import edited
from .google_gemini_errors import ERRORS, error
from .json_images import from_base64
from .sample_images import sample_image
from .server import FakeServer, Request

__all__ = ["Answer", "CASE", "ERRORS", "GoogleGemini", "KEY"]

KEY = "sk-test-openai"  # what the tests' environment holds
TOKENS_OF_AN_INPUT = 1120
HARMS = {f"HARM_CATEGORY_{name}" for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")}


@dataclass
class Answer(Behaviour):
    """The normal answer with something changed: `change` is given its document and returns the one to send."""

    change: Callable

    def reply(self, call) -> Reply:
        return json_reply(self.change(call.server.document(call.request)))


def json_reply(document) -> Reply:
    return Reply(200, {"Content-Type": "application/json; charset=UTF-8", "Server-Timing": "gfet4t7; dur=5120"},
                 json.dumps(document, indent=2).encode())


class GoogleGemini(FakeServer):
    """`thoughts`: tokens that an answer was thought with. `image_format`: what images are, whatever was asked."""

    def __init__(self, keys=(KEY,), thoughts=96, image_format="jpeg", base="/v1beta", tls=None, port=0):
        super().__init__(tls=tls, port=port)
        self.keys = {keys} if isinstance(keys, str) else set(keys)
        self.thoughts, self.image_format = thoughts, image_format
        self.base = base
        self.url = self.origin + base
        self._numbers = count(1)

    @property
    def work(self) -> list:
        """The requests that asked for images."""
        return [one for one in self.requests if self.model(one)]

    def model(self, request) -> Optional[str]:
        match = re.fullmatch(re.escape(self.base) + r"/models/([^/:]+):generateContent", request.path)
        return match and match[1]

    # Strictness, in the order in which the real one looks

    def refuse(self, request: Request) -> Optional[Reply]:
        problem = self._wrong_key(request) or self._wrong_address(request) or self._wrong_body(request)
        return problem and problem.reply(None)

    def _wrong_key(self, request):
        given = [value for name, value in request.header_list if name == "x-goog-api-key"]
        if not given or "authorization" in request.headers:
            return error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without "
                         "established identity). Please use API Key or other form of API consumer identity to call "
                         "this API.")
        if len(given) > 1 or given[0] not in self.keys:
            return ERRORS["our_credentials"]["bad_key"]

    def _wrong_address(self, request):
        model = self.model(request)
        if not model or request.query or request.method != "POST":
            return error(404, "NOT_FOUND", "Requested entity was not found.")
        if model not in rules.MODELS:
            return error(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta, or is not supported "
                         "for generateContent. Call ModelService.ListModels to see the list of available models and "
                         "their supported methods.")

    def _wrong_body(self, request):
        if len(request.body) > 20_000_000:
            return error(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20000000 bytes.")
        if request.headers.get("content-type") != "application/json" or not isinstance(request.json, dict):
            return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Expected a value.")
        return rules.problem(request.json, rules.MODELS[self.model(request)])

    # The answer

    def accept(self, request: Request) -> Reply:
        return json_reply(self.document(request))

    def document(self, request: Request) -> dict:
        model = self.model(request)
        config = request.json["generationConfig"].get("imageConfig", {})
        tier = config.get("imageSize", "1K")
        width, height = rules.pixels(config.get("aspectRatio", "1:1"), tier)
        given = images_of(request)
        text, image = len(text_of(request)) // 4 + 1, rules.MODELS[model].tokens[tier]
        prompt = text + TOKENS_OF_AN_INPUT * len(given)
        made = self._inline(edited(given[0], output_format="JPEG"), "jpeg") if given else self._image(width, height)
        parts = [{"text": "First a sketch.", "thought": True}, {**self._image(64, 64), "thought": True},
                 {**made, "thoughtSignature": "c2lnbmVk"}]
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {
                    "promptTokenCount": prompt, "candidatesTokenCount": image, "thoughtsTokenCount": self.thoughts,
                    "totalTokenCount": prompt + image + self.thoughts,
                    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": text},
                                            *[{"modality": "IMAGE", "tokenCount": TOKENS_OF_AN_INPUT}] * len(given)],
                    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": image}]},
                "modelVersion": model, "responseId": f"r{next(self._numbers)}"}

    def _image(self, width, height) -> dict:
        return self._inline(sample_image(width, height, self.image_format, next(self._numbers)), self.image_format)

    @staticmethod
    def _inline(content: bytes, image_format: str) -> dict:
        return {"inlineData": {"mimeType": f"image/{image_format}", "data": base64.b64encode(content).decode()}}


def images_of(request) -> list:
    """The input images."""
    return [from_base64(part["inlineData"]["data"]) for part in request.json["contents"][0]["parts"] if "inlineData" in part]


def text_of(request) -> str:
    return next(part["text"] for part in request.json["contents"][0]["parts"] if "text" in part)


def _config(*names):
    def found(request):
        value = request.json["generationConfig"]
        for name in names:
            value = value.get(name, {})
        return value
    return found


def _thresholds(request):
    return {one["category"]: one["threshold"] for one in request.json.get("safetySettings", [])}


CASE = Case(
    api="google-gemini", fake=GoogleGemini, model="gemini-3.1-flash-image", errors=ERRORS,
    probes={"prompt": Probe("a red kite", lambda request: request.json["contents"][0]["parts"][0]["text"]),
            "aspect_ratio": Probe("16:9", _config("imageConfig", "aspectRatio")),
            "resolution": Probe("2K", _config("imageConfig", "imageSize")),
            "seed": Probe(42, _config("seed")),
            "moderation": Probe("low", _thresholds, dict.fromkeys(HARMS, "BLOCK_ONLY_HIGH"))})
