"""Every reply of the gateway is validated against the schemas of its OpenAPI document; not with ANSWERS=unchecked."""

import functools
import json
import os

from .environment import PROJECT

CHECKED = os.environ.get("ANSWERS") != "unchecked"


@functools.cache
def validators() -> dict:
    from jsonschema import Draft202012Validator

    document = json.loads((PROJECT / "docs/openapi/unified.json").read_text())
    return {name: Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
            for name in ("Images", "Error", "Model", "Models", "Job", "Jobs", "BifrostJob")}


def schema_of(path: str, status: int, document) -> str:
    """The name of the schema that a reply is of; empty if it has none."""
    if status >= 400:
        return "Error"
    if not isinstance(document, dict):
        return ""
    if "data" in document and "extra_fields" in document:
        return "Images"
    if document.get("object") == "list":
        return "Jobs" if "has_more" in document else "Models"
    if "/async/images/" in path:
        return "BifrostJob"
    return {"model": "Model", "image.job": "Job"}.get(document.get("object"), "")
    return ""


def check(path: str, status: int, headers: dict, body: bytes):
    """Fails if a reply of ours is not as it is described."""
    ours = "x-request-id" in headers and "server-timing" in headers and headers.get("content-type") == "application/json"
    if not CHECKED or not ours or not body:
        return
    try:
        document = json.loads(body)
    except ValueError:
        return  # the test's own business
    if name := schema_of(path, status, document):
        problems = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validators()[name].iter_errors(document)]
        assert not problems, f"{status} of {path} is not a {name} of docs/openapi:\n" + "\n".join(problems)
