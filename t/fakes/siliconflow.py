"""A strict fake of SiliconFlow's `POST /v1/images/generations`."""

from .behaviours import Json, Raw
from .case import Case, Probe
from .checks import choice, number, text
from .json_images import from_data_url, image_field, painted
from .openai_like import HTML, OpenAiLike, sent

EDITORS = {"Qwen/Qwen-Image-Edit": 1, "Qwen/Qwen-Image-Edit-2509": 3}  # and how many images they take
KOLORS, QWEN_IMAGE = "Kwai-Kolors/Kolors", "Qwen/Qwen-Image"
FLUX_SIZES = ("1024x1024", "512x1024", "768x512", "768x1024", "1024x576", "576x1024")
QWEN_SIZES = ("1328x1328", "1664x928", "928x1664", "1472x1140", "1140x1472", "1584x1056", "1056x1584")
KOLORS_SIZES = ("1024x1024", "960x1280", "768x1024", "720x1440", "720x1280")
SIZES = {*FLUX_SIZES, *QWEN_SIZES, *KOLORS_SIZES, "512x512", "1024x768"}
SIZES_BY_MODEL = {KOLORS: KOLORS_SIZES, QWEN_IMAGE: QWEN_SIZES, **dict.fromkeys(EDITORS, ()),
                  "Tongyi-MAI/Z-Image-Turbo": SIZES, "black-forest-labs/FLUX.1-schnell": FLUX_SIZES,
                  "black-forest-labs/FLUX.1-dev": FLUX_SIZES, "black-forest-labs/FLUX.2-pro": FLUX_SIZES}
ONLY_OF = {"guidance_scale": (KOLORS,), "cfg": (QWEN_IMAGE, *EDITORS), "image": EDITORS,
           **dict.fromkeys(("image2", "image3"), ("Qwen/Qwen-Image-Edit-2509",))}
SEED = 8_123_456_789  # that it takes where it is told none: more than 32 bits


def error(status: int, message: str, code=None):
    return Json({**({"code": code} if code else {}), "message": message, "data": None}, status)


class SiliconFlow(OpenAiLike):
    fields = {"model": text(1), "prompt": text(1), "image_size": choice(*SIZES), "batch_size": number(1, 4),
              "num_inference_steps": number(1, 100), "guidance_scale": number(0, 20, kinds=(int, float)),
              "cfg": number(0.1, 20, kinds=(int, float)), "negative_prompt": text(), "seed": number(0, 9_999_999_999),
              **dict.fromkeys(("image", "image2", "image3"), image_field(from_data_url))}

    def error(self, status, message, param=None):
        return Json("Invalid token", 401) if status == 401 else error(status, message, 20012)

    def problem(self, body):
        model = body["model"]
        if model not in SIZES_BY_MODEL:
            return self.error(400, f"There is no model {model}.")
        if "image_size" in body and body["image_size"] not in SIZES_BY_MODEL[model]:
            return self.error(400, f"image_size {body['image_size']} is not supported by {model}")
        if body.get("batch_size", 1) > 1 and model != KOLORS:
            return self.error(400, f"batch_size must be 1 for {model}")
        for name, models in ONLY_OF.items():
            if name in body and model not in models:
                return self.error(400, f"{name} is not supported by {model}")

        given = [name in body for name in ("image", "image2", "image3")]
        if (model in EDITORS and not given[0]) or given != sorted(given, reverse=True):
            return self.error(400, "image, image2 and image3 are needed in this order")

    def made(self, body, number):
        return painted(from_data_url, body, ("image",)) or super().made(body, number)

    def count(self, body):
        return body.get("batch_size", 1)

    def size(self, body):
        return tuple(map(int, body.get("image_size", "1024x1024").split("x")))

    def is_link(self, body):
        """There is nothing else to ask for."""
        return True

    def document(self, body, data):
        return {"images": data, "timings": {"inference": 2.1}, "seed": body.get("seed", SEED)}


ERRORS_BY_OUTCOME = {
    "callers_fault": {
        "parameter": error(400, "batch_size must be 1", 20012),
    },
    "refused_by_policy": {
        "status_451": error(451, "The request cannot be served."),
        "sensitive": error(400, "The prompt contains sensitive content.", 20012),
        "moderated": error(400, "The prompt did not pass moderation.", 20012),
        "nsfw": error(400, "The image may contain NSFW content.", 20012),
    },
    "our_credentials": {
        "bad_key": Json("Invalid token", 401),
        "not_verified": error(403, "This model needs real-name verification."),
    },
    "throttled": {
        "rate": error(429, "Request was rejected due to rate limiting."),
    },
    "broken": {
        "overloaded_503": error(503, "The model is overloaded. Please try again later."),
        "overloaded_504": error(504, "The model is overloaded. Please try again later."),
        "text_503": Json("Service Unavailable", 503),
    },
    "unknown": {
        "bad_gateway": HTML[502],
        "gateway_timeout": HTML[504],
        "gateway_timeout_as_text": Raw(504, {"Content-Type": "text/plain"}, "stream timeout"),
        "no_images": Json({"images": [], "timings": {"inference": 2.1}, "seed": 42}),
    },
}

CASE = Case(
    api="siliconflow", fake=SiliconFlow, model=KOLORS, most=4, makes="url", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red bicycle", sent("prompt")), "n": Probe(2, sent("batch_size")),
            "size": Probe("960x1280", sent("image_size")), "seed": Probe(9_999_999_999, sent("seed")),
            "negative_prompt": Probe("blurry", sent("negative_prompt")),
            "num_inference_steps": Probe(30, sent("num_inference_steps")),
            "guidance": Probe(5.5, sent("guidance_scale"))})
