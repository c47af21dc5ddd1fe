"""A strict fake of vLLM-Omni's `POST /v1/images/generations`. (The real one overlooks unknown fields.)"""

from .behaviours import Json, Raw
from .case import Case, Probe
from .checks import choice, number, text
from .edit_forms import EditForm
from .openai_like import HTML, OpenAiLike, matching, sent

MODEL = "Qwen/Qwen-Image"
REAL = (int, float)


def problem(kind: str, message: str, *place):
    """What FastAPI says of a field."""
    return Json({"detail": [{"loc": ["body", *place], "msg": message, "type": kind}]}, 422)


class VllmOmni(OpenAiLike):
    """It lets everybody in, unless it was started with keys. It has one model."""

    fields = {"model": text(1), "prompt": text(1), "n": number(1, 10), "size": matching(".*x.*"),
              "response_format": choice("b64_json", "file"), "output_format": choice("png", "jpeg", "webp"),
              "negative_prompt": text(), "num_inference_steps": number(1, 200),
              "guidance_scale": number(0, 20, kinds=REAL), "true_cfg_scale": number(0, 20, kinds=REAL),
              "seed": number(), "user": text()}
    required = ("prompt",)
    edit_forms = {"/images/edits": EditForm(
        {**fields, "size": matching("auto|.*x.*"), "strength": number(0, 1, kinds=REAL), "response_format": choice("b64_json")},
        required, several="image[]", most=4, mask="mask_image")}

    def __init__(self, keys=(), **options):
        super().__init__(keys, **options)

    def error(self, status, message, param=None):
        if status == 401:
            return Json({"error": "Unauthorized"}, 401)
        return problem("value_error", message, param) if param else Json({"detail": message}, status)

    def problem(self, body):
        if body.get("model", MODEL) != MODEL:
            return Json({"detail": f"Model mismatch: request specifies '{body['model']}' but server is running "
                         f"'{MODEL}'."}, 400)

    def size_of_edit(self, body):
        return self.size(body) if "x" in body.get("size", "auto") else None

    def document(self, body, data):
        return {"created": 1767225600, "data": [{**one, "url": None, "revised_prompt": None} for one in data],
                "output_format": self.format(body), "size": body.get("size", "1024x1024"), "metrics": None}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "size": Json({"detail": "Invalid size format: huge"}, 400),
        "missing": problem("missing", "Field required", "prompt"),
        "error_of_newer_builds": Json({"error": {"message": "n must be at most 10", "type": "BadRequestError",
                                                 "param": "n", "code": 400}}, 400),
    },
    "our_credentials": {
        "no_key": Json({"error": "Unauthorized"}, 401),
    },
    "not_here": {
        "other_model": Json({"detail": "Model mismatch: request specifies 'x' but server is running 'y'."}, 400),
        "other_model_404": Json({"error": {"message": "The model `x` does not exist.", "type": "NotFoundError",
                                           "param": "model", "code": 404}}, 404),
        "no_api": Json({"detail": "Not Found"}, 404),
    },
    "broken": {
        "generation": Json({"detail": "Image generation failed: CUDA out of memory"}, 500),
        "starting": Json({"detail": "Image generation engine not initialized"}, 503),
        "error_of_newer_builds": Json({"error": {"message": "engine died", "type": "InternalServerError",
                                                 "param": None, "code": 500}}, 500),
    },
    "unknown": {
        "plain_text": Raw(500, {"Content-Type": "text/plain"}, "Internal Server Error"),
        "proxy": HTML[502],
        "no_images": Json({"created": 1767225600, "data": [], "metrics": None}),
    },
}

CASE = Case(
    api="vllm-omni", fake=VllmOmni, model=MODEL, most=10, key="none", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red bicycle", sent("prompt")), "n": Probe(2, sent("n")),
            "size": Probe("1536x1024", sent("size")), "output_format": Probe("webp", sent("output_format")),
            "negative_prompt": Probe("blurry", sent("negative_prompt")), "seed": Probe(42, sent("seed")),
            "num_inference_steps": Probe(50, sent("num_inference_steps")),
            "guidance": Probe(1.5, sent("guidance_scale"))})
