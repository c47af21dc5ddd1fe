"""One edit by LiteLLM as a client. Standard input: {"base": …, "model": …, "ask": {…}, "images": [path, …], "mask": path or null}.
Standard output: {"images": [base64, …], "usage": …}, or {"error": …}. Runs in a Python environment of its own."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch its price list

import litellm  # noqa: E402


def edit(base, model, ask, images, mask):
    files = [open(path, "rb") for path in images]
    try:
        answer = litellm.image_edit(image=files if len(files) > 1 else files[0], model=f"openai/{model}", api_base=base, api_key="any",
                                    **({"mask": open(mask, "rb")} if mask else {}), **ask)
    except litellm.exceptions.APIError as problem:
        return {"error": {"status": problem.status_code, "message": str(problem)}}
    except litellm.exceptions.BadRequestError as problem:
        return {"error": {"status": problem.status_code, "message": str(problem)}}
    return {"images": [one.b64_json for one in answer.data], "usage": answer.usage.model_dump() if answer.usage else None}


if __name__ == "__main__":
    print(json.dumps(edit(**json.load(sys.stdin))))
