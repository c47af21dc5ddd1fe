"""GET …/openapi.json: the API of a location, from the tables that the gateway reads requests by."""

import json
import os
import re

import pytest
from harness import key_entry, write_keys

PROFILES = ("unified", "mka1", "mka1-2025", "kkiai", "truefoundry", "mpilot")
SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"


def document(gateway, profile, more="image_gateway_auth off;", http=SANDBOX):
    reply = gateway(f"image_gateway profile={profile}; {more}", http).get("/v1/openapi.json")
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    return reply.json


@pytest.mark.parametrize("profile", PROFILES)
def test_the_document_in_docs_is_the_one_that_is_served(scratch, gateway, project, profile):
    """UPDATE=1 writes it instead."""
    path = project / "docs/openapi" / f"{profile}.json"
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    jobs = f"image_gateway_jobs on; image_gateway_store {scratch}/store;"
    reply = gateway(f"image_gateway profile={profile}; image_gateway_keys {keys}; {jobs}",
                    f"image_gateway_state {scratch}/state/state.db; {SANDBOX}").get(
        "/v1/openapi.json", {"Authorization": "Bearer sk-bf-a"})
    text = json.dumps(reply.json, indent=2) + "\n"
    if os.environ.get("UPDATE"):
        path.write_text(text)
    assert path.read_text() == text


def test_every_profile_has_its_document(project):
    assert {path.stem for path in (project / "docs/openapi").glob("*.json")} == set(PROFILES)


def test_fields_have_the_bounds_and_defaults_of_the_profile(gateway):
    schemas = document(gateway, "mka1")["components"]["schemas"]
    fields = schemas["GenerationRequest"]["properties"]
    assert fields["prompt"] == {"type": "string", "minLength": 1, "maxLength": 1000}
    assert fields["n"] == {"type": "integer", "minimum": 1, "maximum": 10}
    assert fields["quality"] == {"type": "string", "enum": ["low", "medium", "high", "auto", "standard", "hd"], "default": "auto"}
    assert "seed" not in fields and schemas["GenerationRequest"]["required"] == ["prompt"]
    assert schemas["EditForm"]["required"] == ["image"]


def test_what_may_be_null_says_so(gateway):
    fields = document(gateway, "unified")["components"]["schemas"]["GenerationRequest"]["properties"]
    assert fields["background"] == {"type": ["string", "null"], "enum": ["transparent", "opaque", "auto", None]}
    assert fields["partial_images"]["type"] == ["integer", "null"]


def test_a_required_model_may_be_in_the_path_instead(gateway):
    paths = document(gateway, "mpilot")["paths"]

    def body(path):
        return paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert body("/images/generations")["allOf"][1] == {"type": "object", "required": ["model"]}
    assert body("/deployments/{deployment}/images/generations") == {"$ref": "#/components/schemas/GenerationRequest"}


def test_the_server_is_the_location_and_the_key_what_it_asks_for(gateway, scratch):
    assert document(gateway, "unified")["servers"] == [{"url": "/v1"}]
    assert document(gateway, "unified")["security"] == [] and "securitySchemes" not in document(gateway, "unified")["components"]
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = gateway(f"image_gateway; image_gateway_keys {keys};", SANDBOX)
    assert g.get("/v1/openapi.json").status == 401
    reply = g.get("/v1/openapi.json", {"Authorization": "Bearer sk-bf-a"})
    assert reply.json["security"] == [{"bearer": []}, {"apiKey": []}]
    g = gateway(f"image_gateway; image_gateway_auth optional; image_gateway_keys {keys};", SANDBOX)
    assert g.get("/v1/openapi/v1/openapi.json").status == 404
    assert g.get("/v1/openapi.json").json["security"][-1] == {}


def test_every_reference_leads_somewhere(gateway):
    for profile in PROFILES:
        whole = document(gateway, profile)

        def check(value):
            if isinstance(value, dict):
                if "$ref" in value:
                    target = whole
                    for part in value["$ref"].removeprefix("#/").split("/"):
                        target = target[part]
                for each in value.values():
                    check(each)
            elif isinstance(value, list):
                for each in value:
                    check(each)

        check(whole)


def test_every_status_that_the_source_answers_with_is_described(gateway, project):
    statuses = {found for path in (project / "src").rglob("*.cc") for found in re.findall(r"ApiError::of\((\d{3})\b", path.read_text())}
    assert len(statuses) > 12
    described = document(gateway, "unified")["paths"]["/images/generations"]["post"]["responses"]
    assert statuses <= set(described)


def test_it_is_only_read(gateway):
    g = gateway("image_gateway; image_gateway_auth off;", SANDBOX)
    assert g.post("/v1/openapi.json", {}).status == 405
    head = g.request("HEAD", "/v1/openapi.json")
    assert (head.status, head.body) == (200, b"") and int(head.headers["content-length"]) > 10_000
