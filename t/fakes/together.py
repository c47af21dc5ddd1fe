"""A strict fake of Together AI's `POST /v1/images/generations`."""

from .behaviours import Json
from .case import Case, Probe
from .checks import choice, number, text, truth
from .json_images import from_data_url, image_field, painted
from .openai_like import HTML, OpenAiLike, sent

SCHNELL = "black-forest-labs/FLUX.1-schnell"
STEPS = {SCHNELL: 12, f"{SCHNELL}-Free": 4, "black-forest-labs/FLUX.1-dev": 50, "black-forest-labs/FLUX.2-dev": 50,
         "black-forest-labs/FLUX.2-flex": 50}  # and the most of them
KONTEXT = "black-forest-labs/FLUX.1-kontext-pro"
IMAGE_FIELDS = {KONTEXT: {"image_url"}, "black-forest-labs/FLUX.2-dev": {"reference_images"},
                "black-forest-labs/FLUX.2-flex": {"image_url", "reference_images"},
                "black-forest-labs/FLUX.2-pro": {"image_url", "reference_images"}}
WITHOUT_STEPS = (KONTEXT, "black-forest-labs/FLUX.1.1-pro", "black-forest-labs/FLUX.2-pro")
SIDE = number(64, 1792, 8)


def error(status: int, message: str, kind="invalid_request_error", param=None, code=None, **headers):
    return Json({"id": "o1", "error": {"message": message, "type": kind, "param": param, "code": code}}, status,
                {name.replace("_", "-"): value for name, value in headers.items()})


class Together(OpenAiLike):
    fields = {"model": text(1), "prompt": text(1), "n": number(1, 4), "width": SIDE, "height": SIDE,
              "steps": number(1), "guidance_scale": number(0, kinds=(int, float)), "negative_prompt": text(),
              "seed": number(), "response_format": choice("base64", "url"), "output_format": choice("jpeg", "png"),
              "disable_safety_checker": truth, "image_url": image_field(from_data_url),
              "reference_images": image_field(from_data_url, list_of=8)}
    links = True
    image_format = "jpeg"

    def error(self, status, message, param=None):
        return error(status, message, param=param, code="invalid_api_key" if status == 401 else None)

    def problem(self, body):
        model = body["model"]
        if model not in (*STEPS, *WITHOUT_STEPS):
            return error(404, f"Unable to access model {model}.", code="model_not_available")
        for name in ("steps", "guidance_scale", "negative_prompt"):
            if name in body and model in WITHOUT_STEPS:
                return self.error(400, f"{name} is not supported by this model", name)
        images = {"image_url", "reference_images"} & set(body)
        if len(images) > 1 or not images <= IMAGE_FIELDS.get(model, set()):
            return self.error(400, f"{sorted(images)} is not supported by this model", "image_url")
        if body.get("steps", 1) > STEPS.get(model, 1):
            return self.error(400, f"steps must be between 1 and {STEPS[model]}", "steps")

    def made(self, body, number):
        one = painted(from_data_url, body, ("image_url", "reference_images"), output_format=self.format(body).upper())
        return one or super().made(body, number)

    def size(self, body):
        return body.get("width", 1024), body.get("height", 1024)

    def document(self, body, data):
        return {"id": "o1x", "model": body["model"], "object": "list",
                "data": [{"index": index, "type": next(iter(one)), **one} for index, one in enumerate(data)]}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "steps": error(400, "steps must be between 1 and 12", param="steps"),
        "invalid_param": error(400, "width must be a multiple of 16", param="width", code="invalid_param"),
        "unprocessable": error(422, "Unprocessable entity", code="unprocessable"),
        "too_long": error(403, "The input is too long for this model."),
    },
    "refused_by_policy": {
        "nsfw": error(422, "The generated image may contain NSFW content.", code="unprocessable"),
    },
    "our_credentials": {
        "bad_key": error(401, "Invalid API key provided.", code="invalid_api_key"),
        "forbidden": error(403, "Forbidden"),
    },
    "out_of_quota": {
        "spending_limit": error(402, "You have reached your spending limit."),
    },
    "not_here": {
        "no_such_model": error(404, "Unable to access model x.", code="model_not_available"),
    },
    "throttled": {
        "rate": error(429, "Rate limit exceeded.", "rate_limit", retry_after="3"),
    },
    "broken": {
        "internal": error(500, "Internal server error", "server_error"),
        "overloaded": error(503, "The engine is currently overloaded.", "overloaded_error"),
        "overloaded_529": error(529, "The engine is currently overloaded.", "overloaded_error"),
    },
    "unknown": {
        "timeout": error(504, "The request timed out.", "server_error"),
        "timeout_at_the_edge": HTML[524],
        "no_images": Json({"id": "o1", "object": "list", "data": []}),
    },
}

CASE = Case(
    api="together", fake=Together, model=SCHNELL, most=4, makes="url", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", sent("prompt")), "n": Probe(2, sent("n")),
            "size": Probe("1344x768", lambda one: (sent("width")(one), sent("height")(one)), told=(1344, 768)),
            "seed": Probe(7, sent("seed")), "output_format": Probe("png", sent("output_format")),
            "negative_prompt": Probe("text", sent("negative_prompt")),
            "num_inference_steps": Probe(4, sent("steps")), "guidance": Probe(3.5, sent("guidance_scale"))})
