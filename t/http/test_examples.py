"""The files in examples/ work unchanged, except for paths and ports of the machine."""

import json
import re
import subprocess
import time
import urllib.request

from fakes.automatic1111 import Automatic1111
from fakes.black_forest_labs import BlackForestLabs
from fakes.collector import Collector
from fakes.edited import mask, original
from fakes.openai import Reset
from fakes.s3 import ACCESS_KEY, SECRET_KEY, S3
from harness import call, environment, form, key_entry, provider, write_keys
from harness.configuration import Configuration
from harness.gateway import run_nginx_test, until
from harness.metrics import Metrics
from harness.tokens import SigningKey, key_set
from ports import free_port

VARIABLES = {"OPENAI_API_KEY": "sk-test-openai"}


def http_block_of(path) -> str:
    """The contents of http { … } of an example."""
    text = re.sub(r"#[^\n]*", "", path.read_text())
    inside = text[text.index("http {") + len("http {"):]
    return inside[:inside.rindex("}")]


def test_every_example_is_named_here(project):
    assert {each.name for each in (project / "examples").glob("*.conf")} == {"quickstart.conf",
                                                                             "openai-with-fallback.conf",
                                                                             "edits.conf",
                                                                             "jobs.conf",
                                                                             "made-once.conf",
                                                                             "many-providers.conf",
                                                                             "production.conf",
                                                                             "published-apis.conf",
                                                                             "s3.conf",
                                                                             "tokens-and-budgets.conf"}


def test_the_quickstart_serves_an_image_to_anybody(project, gateway):
    g = gateway("return 404;", http="")  # only to get a free port and a directory
    port = g.port
    g.quit()
    block = http_block_of(project / "examples" / "quickstart.conf")
    served = gateway("return 404;", http=re.sub(r"listen [\d.:]+;", f"listen 127.0.0.1:{port};", block))
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/images/generations", b'{"prompt": "a red kite"}',
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert b'"provider":"sandbox"' in answer.read()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
        assert b'<meta name="image-gateway-api" content="/v1/">' in page.read()
    assert served.running


def test_edits_serves_an_edit_in_the_sandbox(project, gateway):
    g = gateway("return 404;", http="")  # only to get a free port and a directory
    port = g.port
    g.quit()
    block = http_block_of(project / "examples" / "edits.conf")
    gateway("return 404;", http=re.sub(r"listen [\d.:]+;", f"listen 127.0.0.1:{port};", block))
    content_type, body = form([("model", "try"), ("prompt", "a red kite"), ("image", original()), ("mask", mask())])
    reply = call(f"http://127.0.0.1:{port}/v1/images/edits", "POST", body, {"Content-Type": content_type})
    assert reply.status == 200 and reply.json["extra_fields"]["provider"] == "sandbox", reply


def test_s3_keeps_images_in_a_bucket(project, gateway):
    port = free_port()
    with S3(bucket="images") as store:
        block = http_block_of(project / "examples" / "s3.conf").replace("https://minio.example.com:9000", store.origin)
        gateway("return 404;", http=re.sub(r"listen [\d.:]+;", f"listen 127.0.0.1:{port};", block),
                env={"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
        reply = call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", json={
            "model": "try", "prompt": "a red kite", "response_format": "url"})
        url = reply.json["data"][0]["url"]
        assert url.startswith(f"{store.origin}/images/kept/") and call(url).body.startswith(b"\x89PNG")


def test_made_once_replays_a_keyed_request(project, scratch, gateway):
    write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    port = free_port()
    block = http_block_of(project / "examples" / "made-once.conf").replace("/etc/nginx/images", str(scratch))
    block = block.replace("/var/lib/nginx/images", str(scratch)).replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    gateway("return 404;", http=block)
    first, second = (call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", None,
                          {"x-api-key": "sk-bf-a", "Idempotency-Key": "order-1"}, 30,
                          {"prompt": "a red kite", "model": "try"}) for _ in range(2))
    assert first.status == 200 and first.body == second.body and second.headers["idempotent-replayed"] == "true"


def test_jobs_has_the_result_after_a_while(project, scratch, gateway):
    port = free_port()
    block = http_block_of(project / "examples" / "jobs.conf").replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    block = block.replace("/var/lib/nginx/images", str(scratch)).replace("2s..5s", "100ms..200ms")
    gateway("return 404;", http=block)
    accepted = call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", None, {"Prefer": "respond-async"}, 30,
                    {"prompt": "a red kite", "model": "try"})
    assert accepted.status == 202
    done = until(lambda: (job := call(accepted.headers["location"])).json["status"] == "completed" and job, 10)
    assert done.json["result"]["data"][0]["b64_json"]


def test_openai_with_fallback_is_a_configuration(project, scratch, certs):
    write_keys(scratch / "keys.json", [])
    (scratch / "studio.key").write_text("sk-studio\n")
    (scratch / "studio-ca.pem").write_text(open(certs.ca).read())
    block = http_block_of(project / "examples" / "openai-with-fallback.conf")
    block = block.replace("/etc/nginx/images", str(scratch)).replace("listen 8080;", "listen 127.0.0.1:0;")
    block = block.replace("listen 127.0.0.1:0;", "listen unix:%s/example.sock;" % scratch)
    ok, output = run_nginx_test(Configuration(location="return 404;", http=block), VARIABLES)
    assert ok, output


def test_many_providers_serve_one_after_another(project, gateway, scratch, openai, openai_factory):
    """The example, with fakes in place of its providers."""
    flux, studio = BlackForestLabs().start(), Automatic1111().start()
    try:
        write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
        port = free_port()
        block = http_block_of(project / "examples" / "many-providers.conf")
        for ours, fakes in (("https://api.openai.com/v1", openai.url), ("https://api.bfl.ai/v1", flux.url),
                            ("https://generativelanguage.googleapis.com/v1beta", "http://127.0.0.1:1"),
                            ("http://10.0.0.7:7860", studio.url), ("/etc/nginx/images", str(scratch)),
                            ("listen 8080;", f"listen 127.0.0.1:{port};"),
                            ("image_gateway;", "image_gateway; image_gateway_fetch_allow 127.0.0.0/8;")):
            assert ours in block
            block = block.replace(ours, fakes)
        flux.keys, openai.keys = {"k3"}, {"k1", "k2"}
        gateway("return 404;", http=block, env={"OPENAI_API_KEY": "k1", "OPENAI_API_KEY_2": "k2", "BFL_API_KEY": "k3",
                                                "GEMINI_API_KEY": "k4"})

        def ask(model) -> list:
            reply = call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", None, {"x-api-key": "sk-bf-a"}, 30,
                         {"prompt": "a red kite", "model": model})
            assert reply.status == 200, reply
            return [one["provider"] for one in reply.json["extra_fields"]["attempts"]]

        assert ask("auto") == ["openai"]
        openai.next(Reset())
        assert ask("auto") == ["openai", "flux"]
        assert ask("cheap")[0] in ("flux", "studio")
    finally:
        flux.stop()
        studio.stop()


def test_published_apis_are_served_under_the_paths_that_their_clients_know(project, gateway, scratch):
    write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    (scratch / "catalog.json").write_text('{"apis": {"sandbox": [{"model": "ours", "family": "sandbox"}]}}')
    (scratch / "catalog.json").chmod(0o644)
    port = free_port()
    block = http_block_of(project / "examples" / "published-apis.conf").replace("/etc/nginx/images", str(scratch))
    block = block.replace("/var/lib/nginx/images", f"{scratch}/store").replace("listen 8080;", f"listen 127.0.0.1:{port};")
    gateway("return 404;", http=block)
    key = {"Authorization": "Bearer sk-bf-a"}
    for path in ("/v1/", "/api/v1/llm/", "/api/llm/", "/app/"):
        url = f"http://127.0.0.1:{port}{path}"
        reply = call(url + "images/generations", "POST", None, key, 30, {"prompt": "x", "response_format": "url"})
        assert reply.status == 200, (path, reply)
        link = reply.json["data"][0]["url"]
        assert link.startswith(url) and call(link, "GET", None, (), 30).body.startswith(b"\x89PNG")
        assert "sandbox/ours" in {one["id"] for one in call(url + "models", "GET", None, key, 30).json["data"]}


def test_tokens_and_budgets_for_teams_and_people(project, scratch, gateway, openai):
    signer = SigningKey("RSA", "2026")
    (scratch / "jwks.json").write_text(key_set(signer))
    (scratch / "jwks.json").chmod(0o644)
    write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", budgets=[{"usd": 1, "per": "month"}])])
    port = free_port()
    block = http_block_of(project / "examples" / "tokens-and-budgets.conf")
    for ours, here in (("https://api.openai.com/v1", openai.url), ("/etc/nginx/images", str(scratch)),
                       ("/var/lib/nginx/images", str(scratch)), ("/var/log/nginx", str(scratch)),
                       ("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};")):
        assert ours in block
        block = block.replace(ours, here)
    gateway("return 404;", http=block)
    claims = {"iss": "https://id.example.com", "aud": "images", "team": "a", "exp": time.time() + 60}
    for token in ("sk-bf-a", signer.token(claims)):
        reply = call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", None,
                     {"Authorization": f"Bearer {token}", "X-On-Behalf-Of": "alice"}, 30,
                     {"prompt": "a red kite", "quality": "low", "size": "1024x1024"})
        assert reply.status == 200, reply
    line = until(lambda: (scratch / "images.log").read_text().splitlines()[1:2], 5)[0]
    assert re.fullmatch(r"127\.0\.0\.1 a alice gpt-image-2 1 0\.\d+ 200 [\d.]+", line)


def test_one_of_many_gateways_serves_without_its_redis(project, scratch, gateway, openai):
    write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    port = free_port()
    block = http_block_of(project / "examples/many-gateways/nginx.conf")
    for ours, here in (("https://api.openai.com/v1", openai.url), ("/etc/nginx/images", str(scratch)),
                       ("/var/lib/nginx/images", str(scratch)), ("listen 8080;", f"listen 127.0.0.1:{port};")):
        assert ours in block
        block = block.replace(ours, here)
    one = gateway("return 404;", http=block, env={**VARIABLES, "REDIS_URL": f"redis://:geheim@127.0.0.1:{free_port()}/0"})
    reply = call(f"http://127.0.0.1:{port}/v1/images/generations", "POST", None, {"x-api-key": "sk-bf-a"}, 30,
                 {"prompt": "a red kite"})
    assert reply.status == 200 and reply.headers["x-ratelimit-limit-requests"] == "300"
    assert "geheim" not in one.error_log()


def test_production_shows_what_goes_on(project, scratch, gateway, openai):
    """Metrics, status and the JSON log of the example, with fakes in place of its providers."""
    flux, collector = BlackForestLabs().start(), Collector().start()
    try:
        write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
        port, local = free_port(), free_port()
        block = http_block_of(project / "examples" / "production.conf")
        for ours, here in (("https://api.openai.com/v1", openai.url), ("https://api.bfl.ai/v1", flux.url),
                           ("/etc/nginx/images", str(scratch)), ("/var/lib/nginx/image-store", str(scratch / "store")),
                           ("/var/lib/nginx/images", str(scratch / "state")),
                           ("http://127.0.0.1:4318/v1/traces", f"{collector.url} interval=50ms"),
                           ("/var/log/nginx", str(scratch)), ("listen 8080;", f"listen 127.0.0.1:{port};"),
                           ("listen 127.0.0.1:9180;", f"listen 127.0.0.1:{local};")):
            assert ours in block
            block = block.replace(ours, here)
        gateway("return 404;", http=block, env={"OPENAI_API_KEY": "k1", "BFL_API_KEY": "k2"})
        openai.keys = {"k1"}
        url = f"http://127.0.0.1:{port}/v1/images/generations"
        hostile = 'x"\\y'
        for model, status in (("auto", 200), (hostile, 404)):
            reply = call(url, "POST", None, {"x-api-key": "sk-bf-a", "X-On-Behalf-Of": "alice"}, 30,
                         {"prompt": "a red kite", "model": model})
            assert reply.status == status, reply
        lines = until(lambda: len(found := (scratch / "images.json").read_text().splitlines()) == 2 and found, 5)
        made, refused = (json.loads(line) for line in lines)
        assert (made["status"], made["operation"], made["key"], made["end_user"], made["requested_model"], made["provider"],
                made["outcome"], made["images"]) == (200, "generate", "a", "alice", "auto", "openai", "made", "1")
        assert float(made["at_provider"]) <= made["seconds"] + 0.01 and float(made["own"]) >= 0
        assert (refused["status"], refused["requested_model"], refused["provider"]) == (404, hostile, "")
        assert "kite" not in "".join(lines) and "sk-bf" not in "".join(lines)
        metrics = Metrics(call(f"http://127.0.0.1:{local}/metrics", "GET", None, (), 30).text)
        assert metrics("image_gateway_requests_total", outcome="made", model="auto") == 1
        assert metrics("image_gateway_key_limit", key="a", limit="concurrent") == 32
        assert metrics("gen_ai_server_request_duration_seconds_count", gen_ai_request_model="auto") == 1
        status = call(f"http://127.0.0.1:{local}/status", "GET", None, (), 30)
        assert status.status == 200 and [one["name"] for one in status.json["providers"]] == ["openai", "flux"]
        assert call(f"http://127.0.0.1:{port}/metrics", "GET", None, (), 30).status == 404
        collector.wait_spans(3)
        assert {one.trace for one in collector.spans} == {made["trace_id"], refused["trace_id"]}
        assert {one.service for one in collector.spans} == {"images"}
    finally:
        flux.stop()
        collector.stop()


def test_a_created_key_is_accepted(project, gateway, openai, scratch):
    keys = scratch / "keys.json"
    minted = subprocess.run(["bash", str(project / "build.sh"), "key", "team-a", str(keys)], text=True,
                            capture_output=True, check=True)
    secret = re.search(r"sk-bf-[A-Za-z0-9_-]{43}", minted.stdout + minted.stderr)[0]
    assert secret not in keys.read_text()
    keys.chmod(0o644)
    g = gateway("image_gateway;", provider("openai", openai) + f"image_gateway_keys {keys};")
    headers = {"Authorization": f"Bearer {secret}"}
    assert g.generate(model="openai/gpt-image-2", headers=headers).status == 200
    assert g.generate(model="openai/gpt-image-2", headers={"Authorization": "Bearer sk-bf-x"}).status == 401


def test_the_module_exports_only_what_nginx_looks_up():
    symbols = subprocess.run(["readelf", "-W", "--dyn-syms", environment.module()], text=True, capture_output=True,
                             check=True).stdout
    defined = {line.split()[7] for line in symbols.splitlines()
               if re.search(r"\b(GLOBAL|WEAK)\b", line) and " UND " not in line}
    assert defined == {"ngx_modules", "ngx_module_names", "ngx_module_order"}
