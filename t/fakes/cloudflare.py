"""A strict fake of Cloudflare's Workers AI: `POST …/accounts/{account}/ai/run/{model}`."""

import base64
import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Optional

from .behaviours import Behaviour, Json, Raw, Reply
from .case import Case, Probe
from .edited import Unreadable, edited, opened, type_of
from .multipart import NotAForm, read_parts
from .sample_images import sample_image
from .server import FakeServer, Request

KEY = "sk-test-openai"
BASE = "/client/v4/accounts/0a1b2c3d4e5f60718293a4b5c6d7e8f9/ai/run"


@dataclass(frozen=True)
class Model:
    """`takes`: name -> (type, least, most). `answers`: what its images come as. `images`: how many it takes as files."""

    takes: dict
    answers: str = "png"
    form: bool = False
    size: tuple = (1024, 1024)
    images: int = 0


def _sides(least, most):
    return {"width": (int, least, most), "height": (int, least, most)}


PROMPT = {"prompt": (str, 1, 100_000)}
SEED = {"seed": (int, 0, 2**53)}
FLUX_2 = {**PROMPT, **SEED, **_sides(256, 1920), "guidance": (float, 0, 20)}
DIFFUSION = {**PROMPT, **SEED, **_sides(256, 2048), "negative_prompt": (str, 1, 100_000), "num_steps": (int, 1, 20),
             "guidance": (float, -1e9, 1e9)}
LEONARDO = {**PROMPT, **SEED, "num_steps": (int, 1, 40), "guidance": (float, 0, 10)}
MODELS = {
    "@cf/black-forest-labs/flux-1-schnell": Model({"prompt": (str, 1, 2048), "steps": (int, 1, 8)}, "envelope"),
    "@cf/black-forest-labs/flux-2-dev": Model({**FLUX_2, "steps": (int, 1, 50)}, "envelope", form=True, images=4),
    "@cf/black-forest-labs/flux-2-klein-4b": Model(FLUX_2, "envelope", form=True, images=4),
    "@cf/black-forest-labs/flux-2-klein-9b": Model(FLUX_2, "envelope", form=True, images=4),
    "@cf/leonardo/lucid-origin": Model({**LEONARDO, **_sides(0, 2500), "steps": (int, 1, 40)}, "envelope",
                                       size=(1120, 1120)),
    "@cf/leonardo/phoenix-1.0": Model({**LEONARDO, **_sides(0, 2048), "num_steps": (int, 1, 50),
                                       "guidance": (float, 2, 10), "negative_prompt": (str, 1, 100_000)}, "jpeg"),
    "@cf/stabilityai/stable-diffusion-xl-base-1.0": Model(DIFFUSION),
    "@cf/bytedance/stable-diffusion-xl-lightning": Model(DIFFUSION),
    "@cf/lykon/dreamshaper-8-lcm": Model(DIFFUSION),
    "@cf/runwayml/stable-diffusion-v1-5-img2img": Model({**DIFFUSION, "strength": (float, 0, 1),
                                                         "image_b64": (str, 1, 20_000_000)}),
    "@cf/someone/new-model": Model({**PROMPT, "width": (int, 1, 4096), "height": (int, 1, 4096)}, "envelope"),
}


@dataclass
class Error(Behaviour):
    """An error in Cloudflare's envelope."""

    status: int
    code: int
    message: str = "AiError: Something is wrong"
    headers: dict = field(default_factory=dict)

    def reply(self, call=None) -> Reply:
        body = {"result": None, "success": False, "errors": [{"code": self.code, "message": self.message}],
                "messages": []}
        return Reply(self.status, {"Content-Type": "application/json", **self.headers}, json.dumps(body).encode())


class Cloudflare(FakeServer):
    """`keys`: the API tokens it accepts."""

    def __init__(self, keys=(KEY,), base=BASE, port=0):
        super().__init__(port=port)
        self.keys = set(keys)
        self.base = base
        self.url = self.origin + base
        self._numbers = count(1)

    def is_scripted(self, head) -> bool:
        return head.path.startswith(self.base + "/")

    @property
    def work(self) -> list:
        return [one for one in self.requests if one.path.startswith(self.base + "/")]

    def model_of(self, request: Request) -> Optional[Model]:
        return MODELS.get(request.path[len(self.base) + 1:])

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        error = self._wrong_key(request) or self._wrong_address(request) or self._wrong_input(request)
        return error and error.reply()

    def _wrong_key(self, request):
        match = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
        if not match or match[1] not in self.keys:
            return Error(401, 10000, "Authentication error")

    def _wrong_address(self, request):
        if request.method != "POST" or request.query or not request.path.startswith(self.base + "/"):
            return Error(404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?")
        if not self.model_of(request):
            return Error(400, 5007, f"No such model {request.path[len(self.base) + 1:]} or task")

    def _wrong_input(self, request):
        model = self.model_of(request)
        try:
            told = input_of(request, model)
            images = images_of(request, model)
            if "image_b64" in model.takes and not images:
                raise ValueError("required properties at '/' are 'image' or 'image_b64'")
        except (ValueError, Unreadable) as problem:
            return Error(400, 5006, f"AiError: Bad input: {problem}")
        except NotAForm:
            return Error(400, 5006, "AiError: Bad input: required properties at '/' are 'multipart'")
        if "prompt" not in told:
            return Error(400, 5006, "AiError: Bad input: required properties at '/' are 'prompt'")
        for name, value in told.items():
            if name not in model.takes:
                return Error(400, 5006, f"AiError: Bad input: Additional properties are not allowed: '{name}'")
            kind, least, most = model.takes[name]
            if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
                return Error(400, 5006, f"AiError: Bad input: Type mismatch of '/{name}'")
            if not least <= (len(value) if kind is str else value) <= most:
                return Error(400, 5006, f"AiError: Bad input: '/{name}' must be from {least} to {most}")

    # The answer

    def accept(self, request: Request) -> Reply:
        model, number = self.model_of(request), next(self._numbers)
        told = input_of(request, model)
        width, height = told.get("width", model.size[0]), told.get("height", model.size[1])
        headers = {"cf-ai-req-id": f"{number:032x}", "CF-Ray": "fake-FRA"}
        output_format, images = "jpeg" if model.answers == "envelope" else model.answers, images_of(request, model)
        if images:
            size = (told["width"], told["height"]) if "width" in told else None
            made = edited(images[0], output_format=output_format.upper(), size=size)
        else:
            made = sample_image(width, height, output_format, number)
        if model.answers != "envelope":
            return Reply(200, {"Content-Type": f"image/{model.answers}", **headers}, made)
        body = {"result": {"image": base64.b64encode(made).decode()}, "success": True, "errors": [], "messages": []}
        return Reply(200, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def input_of(request: Request, model: Model) -> dict:
    """What the model is told: from JSON, or from a form's texts."""
    content_type = request.headers.get("content-type", "")
    if model.form:
        texts = read_parts(content_type, request.body)[0]
        kinds = {name: model.takes.get(name, (str,))[0] for name in texts}
        return {name: kinds[name](text) for name, text in texts.items()}
    if content_type != "application/json" or not isinstance(request.json, dict):
        raise ValueError("no JSON object")
    return request.json


def images_of(request: Request, model: Model) -> list:
    """The input images: files in their order, or one in base64."""
    if not model.form:
        images = [base64.b64decode(request.json["image_b64"], validate=True)] if "image_b64" in request.json else []
        return [one for one in images if opened(one).format in ("PNG", "JPEG")]
    files = read_parts(request.headers.get("content-type", ""), request.body)[1]
    if [one.field for one in files] != [f"input_image_{index}" for index in range(len(files))] or len(files) > model.images:
        raise ValueError(f"files must be input_image_0 to input_image_{model.images - 1}")
    for one in files:
        if one.type != type_of(one.content) or max(opened(one.content).size) > 512:
            raise ValueError(f"'{one.field}' must be an image of at most 512x512 pixels")
    return [one.content for one in files]


QUOTA = "You have used up your daily free allocation of 10,000 neurons."
ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "bad_type": Error(400, 5004, "Invalid data type for base64 input: number"),
        "bad_input": Error(400, 5006, "AiError: Bad input: '/num_steps' must be from 1 to 50"),
        "incomplete": Error(400, 3003, "Request is missing headers or body: prompt"),
        "too_large": Error(413, 3006, "Request is too large"),
    },
    "refused_by_policy": {
        "prompt": Error(400, 3030, "AiError: Input prompt contains NSFW content"),
        "output": Error(400, 3030, "AiError: Your output has been flagged. Choose another prompt"),
        "prompt_with_200": Error(200, 3030, "AiError: Input prompt contains NSFW content"),
        "code_as_text": Json({"result": None, "success": False, "errors": [{"code": "3030", "message": "NSFW"}]}, 400),
    },
    "our_credentials": {
        "authentication": Error(401, 10000, "Authentication error"),
        "authentication_403": Error(403, 10000, "Authentication error"),
        "authentication_400": Error(400, 10000, "Authentication error"),
        "terms": Error(403, 5016, "User has not agreed to the model's terms"),
        "blocked": Error(403, 3023, "Service unavailable for account"),
        "private_model": Error(403, 5018, "The account is not allowed to access this model"),
        "private_model_other_code": Error(403, 3041, "The account is not allowed to access this model"),
    },
    "out_of_quota": {
        "neurons": Error(429, 3036, QUOTA),
    },
    "not_here": {
        "no_such_model": Error(400, 5007, "No such model @cf/x/y or task"),
        "invalid_model": Error(404, 3042, "The model name is invalid"),
        "no_such_account": Error(404, 7003, "Could not route to /accounts/x, perhaps your object identifier is "
                                            "invalid?"),
        "no_such_route": Error(400, 7000, "No route for that URI"),
        "unsupported": Error(405, 5005, "The model does not support LoRa inference"),
    },
    "throttled": {
        "capacity": Error(429, 3040, "No more data centers to forward the request to"),
        "rate": Error(429, 971, "Please wait and consider throttling your request speed", {"Retry-After": "3"}),
    },
    "broken": {
        "timeout": Error(408, 3007, "Request timeout"),
        "aborted": Error(408, 3008, "Request was aborted"),
        "internal": Error(500, 3043, "Internal server error"),
        "internal_other_status": Error(502, 3043, "Internal server error"),
    },
    "unknown": {
        "html": Raw(502, {"Content-Type": "text/html"}, "<h1>502 Bad Gateway</h1>"),
        "text": Raw(520, {"Content-Type": "text/plain"}, "error code: 520"),
        "no_image": Json({"result": {"image": ""}, "success": True, "errors": [], "messages": []}),
        "no_result": Json({"result": None, "success": True, "errors": [], "messages": []}),
        "failure_without_error": Json({"result": None, "success": False, "errors": [], "messages": []}),
    },
}


def _sent(name):
    return lambda request: request.json.get(name)


CASE = Case(
    api="cloudflare-workers-ai", fake=Cloudflare, model="@cf/leonardo/phoenix-1.0", errors=ERRORS_BY_OUTCOME,
    makes="bytes",
    probes={"prompt": Probe("a red kite", _sent("prompt")),
            "negative_prompt": Probe("text", _sent("negative_prompt")),
            "size": Probe("768x512", lambda request: (_sent("width")(request), _sent("height")(request)),
                          told=(768, 512)),
            "seed": Probe(7, _sent("seed")), "num_inference_steps": Probe(30, _sent("num_steps")),
            "guidance": Probe(7.5, _sent("guidance"))})
