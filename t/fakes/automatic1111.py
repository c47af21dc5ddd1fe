"""A strict fake of AUTOMATIC1111 and Forge: `POST /sdapi/v1/txt2img` and `/img2img`. (The real ones overlook unknown fields.)"""

import base64
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Optional

from PIL import ImageOps

from .behaviours import Behaviour, Json, Raw, Reply
from .case import Case, Probe
from .edited import Unreadable, edited, opened, saved
from .sample_images import sample_image
from .server import FakeServer, Request

PATH = "/sdapi/v1/txt2img"
EDIT_PATH = "/sdapi/v1/img2img"
CHECKPOINTS = {"sd_xl_base_1.0.safetensors": "sd_xl_base_1.0", "flux1-dev-Q4.gguf": "flux1-dev-Q4"}
FIELDS = {"prompt": str, "negative_prompt": str, "width": int, "height": int, "steps": int, "cfg_scale": (int, float),
          "distilled_cfg_scale": (int, float), "seed": int, "sampler_name": str, "scheduler": str, "batch_size": int,
          "n_iter": int, "styles": list, "override_settings": dict}
EDIT_FIELDS = {**FIELDS, "init_images": list, "mask": str, "denoising_strength": (int, float), "mask_blur": int,
               "inpainting_fill": int, "inpaint_full_res": bool, "inpaint_full_res_padding": int, "resize_mode": int}
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M")


@dataclass
class Error(Behaviour):
    """An error as the server's middleware writes it."""

    status: int
    error: str = "HTTPException"
    detail: str = ""
    errors: str = ""
    headers: dict = field(default_factory=dict)

    def reply(self, call=None) -> Reply:
        body = {"error": self.error, "detail": self.detail, "body": "", "errors": self.errors}
        return Reply(self.status, {"Content-Type": "application/json", **self.headers}, json.dumps(body).encode())


@dataclass
class Detail(Behaviour):
    """An error of FastAPI's own."""

    status: int
    detail: object

    def reply(self, call=None) -> Reply:
        return Reply(self.status, {"Content-Type": "application/json"}, json.dumps({"detail": self.detail}).encode())


class Automatic1111(FakeServer):
    """`keys`: "user:password" of those it lets in; none: everybody. `grid`: a grid comes before several images.

    `extra`: images that come after them, as ControlNet's do. `info`: whether it says anything of its images."""

    def __init__(self, keys=(), grid=False, extra=0, info=True, port=0):
        super().__init__(port=port)
        self.keys = set(keys)
        self.grid, self.extra, self.info = grid, extra, info
        self.url = self.origin
        self._numbers = count(1)

    def is_scripted(self, head) -> bool:
        return head.path in (PATH, EDIT_PATH)

    @property
    def work(self) -> list:
        return [one for one in self.requests if one.path in (PATH, EDIT_PATH)]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        error = self._wrong_key(request) or self._wrong_address(request) or problem_of(request)
        return error and error.reply()

    def _wrong_key(self, request):
        if not self.keys:
            return None
        given = request.headers.get("authorization")
        if given not in {f"Basic {base64.b64encode(one.encode()).decode()}" for one in self.keys}:
            return Error(401, detail="Incorrect username or password", headers={"WWW-Authenticate": "Basic"})

    @staticmethod
    def _wrong_address(request):
        if request.path not in (PATH, EDIT_PATH) or request.query:
            return Detail(404, "Not Found")
        if request.method != "POST":
            return Detail(405, "Method Not Allowed")

    # The answer

    def accept(self, request: Request) -> Reply:
        body = request.json
        number, many = next(self._numbers), body.get("n_iter", 1) * body.get("batch_size", 1)
        width, height = body.get("width", 512), body.get("height", 512)
        seed = body.get("seed", -1)
        seed = 1000 * number if seed == -1 else seed
        grid = self.grid and many > 1
        if request.path == EDIT_PATH:
            many *= len(body["init_images"])
            made = [edit_of(one, body, (width, height)) for one in body["init_images"]] * (many // len(body["init_images"]))
        else:
            made = [sample_image(width, height, "png", 10 * number + index) for index in range(many + self.extra)]
        if grid:
            made.insert(0, sample_image(2 * width, 2 * height))
        info = {"prompt": body.get("prompt", ""), "seed": seed, "all_seeds": [seed + i for i in range(many)],
                "width": width, "height": height, "index_of_first_image": int(grid), "infotexts": ["x" * 3000] * many}
        answer = {"images": [base64.b64encode(one).decode() for one in made], "parameters": body,
                  "info": json.dumps(info) if self.info else ""}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())


def problem_of(request: Request) -> Optional[Behaviour]:
    body = request.json
    fields = EDIT_FIELDS if request.path == EDIT_PATH else FIELDS
    if request.headers.get("content-type") != "application/json" or not isinstance(body, dict):
        return Detail(422, [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error.dict"}])
    for name, value in body.items():
        if name not in fields:
            return Detail(422, [{"loc": ["body", name], "msg": "extra fields not permitted",
                                 "type": "value_error.extra"}])
        if not isinstance(value, fields[name]) or isinstance(value, bool) != (fields[name] is bool):
            return Detail(422, [{"loc": ["body", name], "msg": "value has the wrong type", "type": "type_error"}])
    if body.get("width", 8) % 8 or body.get("height", 8) % 8:
        return Detail(422, [{"loc": ["body", "width"], "msg": "must be a multiple of 8", "type": "value_error"}])
    if body.get("sampler_name", "Euler") not in SAMPLERS:
        return Error(404, detail="Sampler not found")
    settings = body.get("override_settings", {})
    if set(settings) - {"sd_model_checkpoint"}:
        return Error(500, "KeyError", errors=str(set(settings)))
    if settings.get("sd_model_checkpoint", "sd_xl_base_1.0") not in {*CHECKPOINTS, *CHECKPOINTS.values()}:
        return Error(500, "RuntimeError", errors=f"model {settings['sd_model_checkpoint']!r} not found")
    return _images_problem(body) if request.path == EDIT_PATH else None


def _images_problem(body) -> Optional[Behaviour]:
    if not body.get("init_images"):
        return Error(404, detail="Init image not found")
    try:
        for one in [*body["init_images"], *filter(None, [body.get("mask")])]:
            opened(base64.b64decode(one, validate=True))
    except (Unreadable, ValueError):
        return Error(500, detail="Invalid encoded image")
    if not 0 <= body.get("denoising_strength", 0.75) <= 1 or body.get("inpainting_fill", 0) not in range(4):
        return Error(500, "ValueError", errors="out of range")


def edit_of(text: str, body: dict, size: tuple) -> bytes:
    """The image as its EXIF data turns it, edited in the mask and then stretched to this size. A mask with transparent pixels is
    read by its alpha: opaque = edit."""
    image = ImageOps.exif_transpose(opened(base64.b64decode(text))).convert("RGB")
    if "mask" not in body:
        return edited(saved(image), size=size)
    mask = opened(base64.b64decode(body["mask"]))
    by_alpha = "A" in mask.getbands() and mask.getchannel("A").getextrema() != (255, 255)
    mask = (mask.getchannel("A") if by_alpha else mask.convert("L")).resize(image.size)
    return edited(saved(image), saved(mask), "white", size=size)


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "validation": Detail(422, [{"loc": ["body", "width"], "msg": "value is not a valid integer",
                                    "type": "type_error.integer"}]),
        "script": Error(422, detail="always on script x not found"),
        "bad_sampler": Error(400, detail="Sampler not found"),
    },
    "our_credentials": {
        "no_credentials": Detail(401, "Not authenticated"),
        "wrong_password": Error(401, detail="Incorrect username or password"),
    },
    "not_here": {
        "no_api": Detail(404, "Not Found"),
        "no_checkpoint": Error(500, "RuntimeError", errors="model 'x' not found"),
    },
    "broken": {
        "out_of_memory": Error(500, "OutOfMemoryError", errors="CUDA out of memory. Tried to allocate 2.00 GiB"),
        "anything": Error(500, "ValueError", errors="x"),
        "starting": Detail(503, "Service Unavailable"),
    },
    "unknown": {
        "plain_text": Raw(500, {"Content-Type": "text/plain"}, "Internal Server Error"),
        "proxy": Raw(502, {"Content-Type": "text/html"}, "<h1>502 Bad Gateway</h1>"),
        "nothing": Json({"images": [], "parameters": {}, "info": "{}"}),
        "no_images": Json({"images": None, "parameters": {}, "info": ""}),
        "only_a_grid": Json({"images": ["iVBORw0KGgo="], "info": '{"all_seeds": [1], "index_of_first_image": 1}'}),
    },
}


def _sent(name):
    return lambda request: request.json.get(name)


CASE = Case(
    api="automatic1111", fake=Automatic1111, model="sd_xl_base_1.0.safetensors", most=10, key="none",
    errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", _sent("prompt")), "n": Probe(2, _sent("n_iter")),
            "negative_prompt": Probe("blurry", _sent("negative_prompt")),
            "size": Probe("768x512", lambda request: (_sent("width")(request), _sent("height")(request)),
                          told=(768, 512)),
            "seed": Probe(42, _sent("seed")), "num_inference_steps": Probe(25, _sent("steps")),
            "guidance": Probe(6.5, _sent("cfg_scale"))})
