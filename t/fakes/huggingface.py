"""A strict fake of Hugging Face: `POST {origin}/hf-inference/models/{model}`, and a dedicated endpoint at its root."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Optional

from .behaviours import Behaviour, Json, Raw, Reply
from .case import Case, Probe
from .edited import Unreadable, edited, opened
from .sample_images import sample_image
from .server import FakeServer, Request

KEY = "sk-test-openai"
MODEL = "black-forest-labs/FLUX.1-schnell"
EDITORS = ("black-forest-labs/FLUX.1-Kontext-dev", "timbrooks/instruct-pix2pix")
FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "*/*": "jpeg"}
PARAMETERS = {"width": int, "height": int, "num_inference_steps": int, "guidance_scale": (int, float),
              "negative_prompt": str, "seed": int, "scheduler": str}
# Of the task image-to-image.
EDIT_PARAMETERS = {"prompt": str, "negative_prompt": str, "guidance_scale": (int, float), "num_inference_steps": int,
                   "target_size": dict}


@dataclass
class Error(Behaviour):
    """An error as Hugging Face writes it: `error` is a text, a list of texts or an object with a message."""

    status: int
    error: object
    more: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)

    def reply(self, call=None) -> Reply:
        body = json.dumps({"error": self.error, **self.more}).encode()
        return Reply(self.status, {"Content-Type": "application/json", **self.headers}, body)


class HuggingFace(FakeServer):
    """`keys`: those it accepts. `models`: those it has; `editors`: those for the task image-to-image.

    `dedicated`: an Inference Endpoint, with its model at `/`."""

    def __init__(self, keys=(KEY,), models=(MODEL,), editors=EDITORS, dedicated=False, port=0):
        super().__init__(port=port)
        self.keys = set(keys)
        self.editors = {f"/hf-inference/models/{model}" for model in editors}
        self.paths = {"/"} if dedicated else {f"/hf-inference/models/{model}" for model in models} | self.editors
        self.url = self.origin + ("" if dedicated else "/hf-inference")
        self._cache = {}

    def is_scripted(self, head) -> bool:
        return head.path in self.paths

    @property
    def work(self) -> list:
        return [one for one in self.requests if one.path in self.paths]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        error = (self._wrong_key(request) or self._wrong_address(request) or self._wrong_headers(request)
                 or (edit_problem(request.json) if request.path in self.editors else problem_of(request.json)))
        return error and error.reply()

    def _wrong_key(self, request):
        match = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
        if not match or match[1] not in self.keys:
            return Error(401, "Invalid username or password.")

    def _wrong_address(self, request):
        if request.path.startswith("/hf-inference/models/") and request.path not in self.paths:
            return Error(400, "Model not supported by provider hf-inference")
        if request.method != "POST" or request.query or request.path not in self.paths:
            return Error(404, "Not Found")

    @staticmethod
    def _wrong_headers(request):
        if request.headers.get("content-type") != "application/json":
            return Error(400, "Content type is not supported")
        if request.headers.get("accept", "*/*") not in FORMATS:
            return Error(400, f"Unsupported Accept: {request.headers['accept']}")

    # The answer

    def accept(self, request: Request) -> Reply:
        """The same request gets the same image: from the cache."""
        number = self._cache.setdefault(request.body, len(self._cache))
        told = request.json.get("parameters", {})
        content_type = request.headers.get("accept", "*/*")
        if request.path in self.editors:
            size = told.get("target_size")
            made = edited(base64.b64decode(request.json["inputs"]), output_format=FORMATS[content_type].upper(),
                          size=size and (size["width"], size["height"]))
        else:
            made = sample_image(told.get("width", 1024), told.get("height", 1024), FORMATS[content_type], number)
        headers = {"x-request-id": f"hf-{number}", "x-compute-type": "gpu", "x-compute-time": "1.25"}
        return Reply(200, {"Content-Type": f"image/{FORMATS[content_type]}", **headers}, made)


def problem_of(body) -> Optional[Error]:
    if not isinstance(body, dict):
        return Error(400, "The body is not a JSON object")
    if not isinstance(body.get("inputs"), str) or not body["inputs"]:
        return Error(400, ["Error in `inputs`: field required"], {"warnings": []})
    told = body.get("parameters", {})
    unknown = (set(body) - {"inputs", "parameters"}) | (set(told) - set(PARAMETERS))
    if unknown:
        return Error(400, [f"Error in `parameters`: got an unexpected keyword argument '{min(unknown)}'"])
    for name, value in told.items():
        if not isinstance(value, PARAMETERS[name]) or isinstance(value, bool):
            return Error(422, f"Error in `parameters.{name}`: not a valid value")
    if told.get("width", 8) % 8 or told.get("height", 8) % 8:
        return Error(400, "`height` and `width` have to be divisible by 8")
    if told.get("seed", 0) < 0 or told.get("num_inference_steps", 1) < 1:
        return Error(422, "Error in `parameters`: out of range")


def edit_problem(body) -> Optional[Error]:
    if not isinstance(body, dict) or set(body) - {"inputs", "parameters"}:
        return Error(400, "The body is not a JSON object")
    try:
        opened(base64.b64decode(body.get("inputs", ""), validate=True))
    except (Unreadable, ValueError, TypeError):
        return Error(400, ["Error in `inputs`: not an image"], {"warnings": []})
    for name, value in body.get("parameters", {}).items():
        if name not in EDIT_PARAMETERS:
            return Error(400, [f"Error in `parameters`: got an unexpected keyword argument '{name}'"])
        if not isinstance(value, EDIT_PARAMETERS[name]) or isinstance(value, bool):
            return Error(422, f"Error in `parameters.{name}`: not a valid value")
    if set(body.get("parameters", {}).get("target_size", {"width": 8, "height": 8})) != {"width", "height"}:
        return Error(422, "Error in `parameters.target_size`: not a valid value")


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "bad_input": Error(400, ["Error in `inputs`: field required"], {"warnings": []}),
        "bad_value": Error(422, {"message": "Error in `parameters.width`: not a valid value"}),
    },
    "our_credentials": {
        "no_such_token": Error(401, "Invalid username or password."),
        "no_permission": Error(403, "This authentication method does not have sufficient permissions to call "
                                    "Inference Providers."),
        "gated": Error(403, "Access to model x is restricted."),
    },
    "out_of_quota": {
        "credits": Error(402, "You have exceeded your monthly included credits for Inference Providers."),
    },
    "not_here": {
        "no_such_model": Error(404, "Not Found"),
        "not_supported": Error(400, "Model not supported by provider hf-inference"),
        "retired": Error(410, "The requested model is deprecated and no longer supported by provider hf-inference."),
    },
    "throttled": {
        "rate": Error(429, "Rate limit reached. Please try again later."),
        "rate_with_retry_after": Error(429, "Rate limit reached.", {}, {"Retry-After": "7"}),
    },
    "broken": {
        "loading": Error(503, "Model x is currently loading", {"estimated_time": 20.0}),
        "out_of_memory": Error(500, "CUDA out of memory. Tried to allocate 20.00 MiB"),
        "error_as_object": Error(500, {"message": "Internal error"}),
    },
    "unknown": {
        "html": Raw(503, {"Content-Type": "text/html"}, "<h1>503 Service Temporarily Unavailable</h1>"),
        "gateway_timeout": Error(504, "Request timed out"),
        "error_with_200": Error(200, "Something went wrong"),
        "no_link": Json({"output": ["ftp://x"], "data": [{"b64_json": None}]}),
    },
}


def _sent(name):
    return lambda request: request.json["parameters"].get(name)


CASE = Case(
    api="huggingface", fake=HuggingFace, model=MODEL, errors=ERRORS_BY_OUTCOME, makes="bytes",
    probes={"prompt": Probe("a red kite", lambda request: request.json["inputs"]),
            "size": Probe("768x512", lambda request: (_sent("width")(request), _sent("height")(request)),
                          told=(768, 512)),
            "seed": Probe(7, _sent("seed")), "negative_prompt": Probe("text", _sent("negative_prompt")),
            "num_inference_steps": Probe(28, _sent("num_inference_steps")),
            "guidance": Probe(3.5, _sent("guidance_scale"))})
