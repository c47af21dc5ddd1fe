"""A strict fake of Stability AI's `POST /v2beta/stable-image/…`: generate/{ultra,core,sd3}, and the tools for images."""

import json
import math
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Optional

from .behaviours import Behaviour, Raw, Reply
from .case import Case, Probe
from .multipart import NotAForm, read_parts
from .sample_images import sample_image
from .server import FakeServer, Request
from .stability_edits import TOOLS, made_of, problems_of_tool, tool_of

KEY = "sk-test-openai"
ROOT = "/v2beta/stable-image/"
PATH = ROOT + "generate/"
RATIOS = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
STYLES = ("enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art", "analog-film",
          "neon-punk", "isometric", "low-poly", "origami", "modeling-compound", "cinematic", "3d-model", "pixel-art",
          "tile-texture")
COMMON = {"prompt", "negative_prompt", "aspect_ratio", "seed", "output_format", "style_preset"}
FIELDS = {"ultra": COMMON, "core": COMMON, "sd3": COMMON | {"model", "mode", "cfg_scale"}}
MODELS = ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash", "sd3-large", "sd3-large-turbo",
          "sd3-medium")
ADDRESSES = {*(PATH + one for one in FIELDS), *(ROOT + one for one in TOOLS)}
AREAS = {"ultra": 1024 * 1024, "core": 1536 * 1024, "sd3": 1024 * 1024}


@dataclass
class Error(Behaviour):
    """An error in Stability's envelope."""

    status: int
    name: str
    errors: tuple = ("Something is wrong.",)
    headers: dict = field(default_factory=dict)

    def reply(self, call=None) -> Reply:
        body = {"id": "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4", "name": self.name, "errors": list(self.errors)}
        return Reply(self.status, {"Content-Type": "application/json", **self.headers}, json.dumps(body).encode())


@dataclass
class Finished(Behaviour):
    """The image, with another word for how it came about: None for no word at all."""

    reason: Optional[str]

    def reply(self, call) -> Reply:
        reply = call.normal_reply()
        del reply.headers["finish-reason"]
        if self.reason is not None:
            reply.headers["finish-reason"] = self.reason
        return reply


class Stability(FakeServer):
    """`keys`: those it accepts."""

    def __init__(self, keys=(KEY,), port=0):
        super().__init__(port=port)
        self.keys = set(keys)
        self.url = self.origin
        self._numbers = count(1)

    def is_scripted(self, head) -> bool:
        return head.path.startswith(ROOT)

    @property
    def work(self) -> list:
        return [one for one in self.requests if one.path.startswith(ROOT)]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        error = (self._wrong_key(request) or self._wrong_address(request) or self._wrong_accept(request)
                 or self._wrong_form(request))
        return error and error.reply()

    def _wrong_key(self, request):
        match = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
        if not match or match[1] not in self.keys:
            return Error(401, "unauthorized", ("authorization: invalid or missing header value",))

    @staticmethod
    def _wrong_address(request):
        if request.method != "POST" or request.query or request.path not in ADDRESSES:
            return Error(404, "not_found", ("The resource you are looking for was not found.",))

    @staticmethod
    def _wrong_accept(request):
        if request.headers.get("accept") not in ("image/*", "application/json"):
            return Error(400, "bad_request", ("accept: must be one of [image/*, application/json]",))

    @staticmethod
    def _wrong_form(request):
        if len(request.body) > 10 * 1024 * 1024:
            return Error(413, "payload_too_large", ("body: payload cannot be larger than 10MiB in size",))
        try:
            fields, files = parts_of(request)
            endpoint = request.path[len(ROOT):]
            tool = tool_of(endpoint, files)
            if tool is None:
                problems = [f"{one.field}: is not allowed" for one in files]
                problems += problems_of(fields, request.path[len(PATH):])
            else:
                problems = [*problems_of_tool(tool, fields, files), *problems_of_values(fields)]
        except (NotAForm, ValueError) as problem:
            return Error(400, "bad_request", (str(problem),))
        return Error(400, "bad_request", tuple(problems)) if problems else None

    # The answer

    def accept(self, request: Request) -> Reply:
        form = form_of(request)
        number = next(self._numbers)
        output_format = form.get("output_format", "png")
        seed = int(form.get("seed", 0)) or 343940597 + number
        headers = {"x-request-id": f"{number:032x}", "finish-reason": "SUCCESS", "seed": seed}
        files = parts_of(request)[1]
        if files:
            made = made_of(request.path[len(ROOT):], form, files)
        else:
            width, height = sides(AREAS[request.path[len(PATH):]], form.get("aspect_ratio", "1:1"))
            made = sample_image(width, height, output_format, number)
        return Reply(200, {"Content-Type": f"image/{output_format}", **headers}, made)


def parts_of(request: Request) -> tuple:
    """Texts by name, and files."""
    return read_parts(request.headers.get("content-type", ""), request.body)


def form_of(request: Request) -> dict:
    return parts_of(request)[0]


def problems_of(form: dict, endpoint: str):
    """Every field that this endpoint does not have, or does not have so."""
    for name, text in form.items():
        if name not in FIELDS[endpoint]:
            yield f"{name}: is not allowed"
        elif not text:
            yield f"{name}: must not be empty"
    if "prompt" not in form:
        yield "prompt: is required"
    if form.get("mode", "text-to-image") != "text-to-image":
        yield "image: is required"
    yield from problems_of_values(form)


def problems_of_values(form: dict):
    for name in ("prompt", "negative_prompt"):
        if len(form.get(name, "")) > 10000:
            yield f"{name}: must be at most 10000 characters"
    for name, choices in (("aspect_ratio", RATIOS), ("output_format", ("png", "jpeg", "webp")),
                          ("style_preset", STYLES), ("model", MODELS), ("mode", ("text-to-image", "image-to-image"))):
        if name in form and form[name] not in choices:
            yield f"{name}: must be one of [{', '.join(choices)}]"
    for name, least, most in (("seed", 0, 4294967294), ("cfg_scale", 1, 10)):
        text = form.get(name, str(least))
        digits = "[0-9]+" if name == "seed" else r"[0-9]+(\.[0-9]+)?"
        if not re.fullmatch(digits, text) or not least <= float(text) <= most:
            yield f"{name}: must be a number between {least} and {most}"


def sides(area: int, ratio: str) -> tuple:
    """Width and height of about this area, multiples of 8."""
    wide, high = map(int, ratio.split(":"))
    height = round(math.sqrt(area * high / wide) / 8) * 8
    return round(height * wide / high / 8) * 8, height


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "bad_request": Error(400, "bad_request", ("prompt: is required",)),
        "two_problems": Error(400, "bad_request", ("seed: must be a number", "cfg_scale: must be at most 10")),
        "payload_too_large": Error(413, "payload_too_large", ("body: payload cannot be larger than 10MiB in size",)),
        "invalid_language": Error(422, "invalid_language", ("English is the only supported language.",)),
    },
    "refused_by_policy": {
        "content_moderation": Error(403, "content_moderation", ("Your request was flagged by our content moderation "
                                                                "system.",)),
        "public_figure": Error(422, "public_figure", ("Our system detected the likeness of a public figure.",)),
        "filtered_image": Finished("CONTENT_FILTERED"),
    },
    "our_credentials": {
        "unauthorized": Error(401, "unauthorized", ("authorization: invalid or missing header value",)),
        "no_permission": Error(403, "forbidden", ("You lack the necessary permissions.",)),
    },
    "out_of_quota": {
        "payment_required": Error(402, "payment_required", ("You lack sufficient credits.",)),
    },
    "not_here": {
        "not_found": Error(404, "not_found", ("The resource you are looking for was not found.",)),
    },
    "throttled": {
        "rate_limit_exceeded": Error(429, "rate_limit_exceeded", ("More than 150 requests in 10 seconds.",)),
        "rate_limit_with_retry_after": Error(429, "rate_limit_exceeded", ("Wait a minute.",), {"Retry-After": "60"}),
    },
    "broken": {
        "internal_error": Error(500, "internal_error", ("An unexpected server error has occurred.",)),
        "overloaded": Error(503, "service_unavailable", ("We are overloaded.",)),
    },
    "unknown": {
        "gateway_timeout": Error(504, "gateway_timeout", ("It took too long.",)),
        "overloaded_html": Raw(503, {"Content-Type": "text/html"}, "<h1>503 Service Temporarily Unavailable</h1>"),
        "half_done": Finished("ERROR"),
        "json_instead": Raw(200, {"Content-Type": "application/json"}, '{"finish_reason": "SUCCESS"}'),
    },
}


def _sent(name):
    return lambda request: form_of(request).get(name)


CASE = Case(
    api="stability", fake=Stability, model="sd3.5-large", errors=ERRORS_BY_OUTCOME, makes="bytes",
    probes={"prompt": Probe("a red kité \"at\"\r\n--dusk--", _sent("prompt")),
            "negative_prompt": Probe("blurry", _sent("negative_prompt")),
            "aspect_ratio": Probe("16:9", _sent("aspect_ratio")), "seed": Probe(42, _sent("seed"), told="42"),
            "output_format": Probe("webp", _sent("output_format")),
            "guidance": Probe(5.5, _sent("cfg_scale"), told="5.5")})
