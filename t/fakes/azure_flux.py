"""A strict fake of FLUX.2 in Microsoft Foundry: `POST /providers/blackforestlabs/v1/flux-2-*`, for generations and edits."""

from .azure_openai import ERRORS_BY_OUTCOME, SAFE, Azure, error
from .case import Case, Probe
from .checks import choice, number, text
from .json_images import from_base64, image_field, painted
from .openai_like import sent

ROOT = "/providers/blackforestlabs/v1"
DEPLOYMENTS = {"FLUX.2-pro": "flux-2-pro", "FLUX.2-flex": "flux-2-flex", "house": "flux-2-pro"}  # and at which address each is
MOST_IMAGES = {"flux-2-pro": 8, "flux-2-flex": 10}
IMAGES = ("input_image", *(f"input_image_{number}" for number in range(2, 11)))


class AzureFlux(Azure):
    base, path, query = "", ROOT + "/flux-2-flex", "api-version=preview"
    edit_paths = (ROOT + "/flux-2-pro",)
    fields = {"model": text(1), "prompt": text(1), "width": number(64, 4096, multiple=16), "height": number(64, 4096, multiple=16),
              "seed": number(), "output_format": choice("jpeg", "png"), "n": number(1, 1), "steps": number(1, 50),
              "guidance": number(1.5, 10, kinds=(int, float)), **dict.fromkeys(IMAGES, image_field(from_base64))}

    def wrong_body(self, request):
        wrong = super().wrong_body(request)
        if wrong:
            return wrong
        body, address = request.json, request.path.removeprefix(ROOT + "/")
        names = {name.lower(): at for name, at in DEPLOYMENTS.items()}
        if names.get(body["model"].lower()) != address:
            return error(404, "DeploymentNotFound", "The API deployment for this resource does not exist.")
        if address != "flux-2-flex" and {"steps", "guidance"} & body.keys():
            return self.error(400, "steps and guidance are parameters of flex")
        given = [name in body for name in IMAGES]
        if given != sorted(given, reverse=True) or sum(given) > MOST_IMAGES[address]:
            return self.error(400, f"at most {MOST_IMAGES[address]} images, in the order of their numbers")

    def size(self, body):
        return body.get("width", 1024), body.get("height", 1024)

    def made(self, body, number):
        one = painted(from_base64, body, ("input_image",), output_format=self.format(body).upper())
        return one or super().made(body, number)

    def document(self, body, data):
        return {"created": 1764000000, "data": [{**one, "content_filter_results": SAFE} for one in data]}


CASE = Case(
    api="azure-flux", fake=AzureFlux, model="FLUX.2-flex", errors=ERRORS_BY_OUTCOME,
    probes={"prompt": Probe("a red kite", sent("prompt")), "n": Probe(1, sent("n")),
            "size": Probe("1536x1024", lambda request: f"{request.json['width']}x{request.json['height']}"),
            "output_format": Probe("jpeg", sent("output_format")), "seed": Probe(7, sent("seed")),
            "num_inference_steps": Probe(20, sent("steps")), "guidance": Probe(2.5, sent("guidance"))})
