"""A strict fake of stable-diffusion.cpp's sd-server: `POST /v1/images/generations`. (The real one overlooks what it
does not know, in the body and in the block.)"""

import json
import re

from .behaviours import Json, Raw
from .case import Case, Probe
from .checks import choice, number, text
from .edit_forms import EditForm, read_body
from .openai_like import HTML, OpenAiLike, matching

BLOCK = re.compile("<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")
TAG = re.compile("</?sd_cpp_extra_args>")
EXTRAS = {"seed": int, "negative_prompt": str, "sample_params": dict, "strength": (int, float)}


def words_of(request) -> str:
    """The prompt, as the real one has it when it has taken the blocks out."""
    return BLOCK.sub("", prompt_of(request))


def prompt_of(request) -> str:
    return (request.json or read_body(request))["prompt"]


def extras_of(request) -> dict:
    """What it reads: the first block, and that alone."""
    match = BLOCK.search(prompt_of(request))
    return json.loads(match[1]) if match else {}


def _extra(*steps):
    def found(request):
        value = extras_of(request)
        for step in steps:
            value = value[step]
        return value
    return found


class SdServer(OpenAiLike):
    """`seed`: its own, which is the same each time."""

    fields = {"prompt": text(1), "n": number(1), "size": matching(r"\d+x\d+"),
              "output_format": choice("png", "jpeg", "webp"), "output_compression": number(0, 100)}
    required = ("prompt",)
    edit_forms = {"/images/edits": EditForm({**fields, "output_format": choice("png", "jpeg")}, required, several="image[]",
                                            only_several=True, most=8, types=("image/png", "image/jpeg"), mask="mask")}

    def __init__(self, keys=(), seed=42, **options):
        super().__init__(keys, **options)
        self.seed = seed

    def error(self, status, message, param=None):
        return Json({"error": message}, status)

    def wrong_key(self, request):
        if "authorization" in request.headers:
            return self.error(400, "this server has no keys")

    def problem(self, body):
        if any(side % 16 for side in self.size(body)):
            return self.error(400, "invalid params")
        blocks = BLOCK.findall(body["prompt"])
        if len(blocks) > 1 or TAG.search(BLOCK.sub("", body["prompt"])):
            return self.error(400, "more than one block of extra arguments")
        for block in blocks:
            try:
                extras = json.loads(block)
            except ValueError:
                return self.error(400, "the extra arguments are not JSON")
            for name, value in extras.items():
                if not isinstance(value, EXTRAS.get(name, ())):
                    return self.error(400, f"extra argument not supported: {name}")

    def size_of_edit(self, body):
        return self.size(body) if "size" in body else None

    def document(self, body, data):
        return {"created": 1767225600, "data": data, "output_format": self.format(body)}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "prompt": Json({"error": "prompt required"}, 400),
        "size": Json({"error": "invalid params"}, 400),
    },
    "not_here": {
        "no_api": Raw(404, {"Content-Type": "text/html"}, "<h1>404</h1>"),
    },
    "broken": {
        "no_results": Json({"error": "generate_image returned no results"}, 500),
        "server_error": Json({"error": "server_error", "message": "std::bad_alloc"}, 500),
    },
    "unknown": {
        "proxy": HTML[502],
        "plain_text": Raw(500, {"Content-Type": "text/plain"}, "Internal Server Error"),
        "all_skipped": Json({"created": 1767225600, "data": [], "output_format": "png"}),
    },
}

CASE = Case(
    api="sd-server", fake=SdServer, model="sd-cpp-local", most=8, key="none", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", lambda request: words_of(request).strip()),
            "n": Probe(2, lambda request: request.json["n"]),
            "size": Probe("768x512", lambda request: request.json["size"]),
            "output_format": Probe("webp", lambda request: request.json["output_format"]),
            "output_compression": Probe(50, lambda request: request.json["output_compression"],
                                        beside={"output_format": "jpeg"}),
            "negative_prompt": Probe("blurry", _extra("negative_prompt")), "seed": Probe(7, _extra("seed")),
            "num_inference_steps": Probe(28, _extra("sample_params", "sample_steps")),
            "guidance": Probe(5.5, _extra("sample_params", "guidance", "txt_cfg"))})
