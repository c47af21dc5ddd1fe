"""image_gateway_metrics: what is counted, who may read it, and that it goes on."""

import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest
from fakes.behaviours import Raw
from fakes.openai import ERRORS, Hang
from fakes.sample_images import sample_image
from harness import Flood, key_entry, provider, write_keys
from harness.gateway import until
from harness.metrics import scrape
from harness.tokens import SigningKey, key_set

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
BODY = json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(sample_image(64, 48, "png")).decode()}]}).encode()
METRICS = "location = /metrics { image_gateway_metrics; } "
FROM_AFAR = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP; "
AFAR = {"X-Real-IP": "192.0.2.1"}


def requests(g, **labels) -> int:
    return int(scrape(g)("image_gateway_requests_total", **labels))


def comes_to(value, expected) -> bool:
    """A request is counted after its client has the reply."""
    found = until(lambda: value() == expected or None, 5)
    assert found, f"{value()} in place of {expected}"
    return True


# What is shown


def test_the_page_of_metrics_is_current(project):
    done = subprocess.run([sys.executable, project / "docs/metrics.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_series_is_on_the_page(project, gateway):
    g = gateway(OPEN, SANDBOX, extra_locations="location = /metrics { image_gateway_metrics gen_ai=on keys=on; }")
    g.generate(size="16x16")
    comes_to(lambda: requests(g), 1)
    page = set(re.findall(r"^\| `(\w+)` \|", (project / "docs/metrics.md").read_text(), re.MULTILINE))
    shown = set(re.findall(r"^# TYPE (\w+) ", scrape(g).text, re.MULTILINE))
    assert shown <= page and len(shown) > 20


def test_requests_of_all_kinds_are_counted(scratch, gateway):
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a", limits={"requests_per_minute": 2})])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; location /v1/denied/ {{ image_gateway; deny all; }}",
                SANDBOX, extra_locations=METRICS)
    key = {"x-api-key": "sk-bf-a"}
    assert g.generate(key, size="16x16").status == 200
    assert g.generate(key, n=99).status == 400
    assert g.generate(key, size="16x16").status == 429
    assert g.generate().status == 401
    assert g.get("/v1/models", key).status == 200
    assert g.get("/v1/nothing", key).status == 404
    assert g.get("/v1/images/generations", key).status == 405
    assert g.generate(key, path="/v1/denied/images/generations").status == 403
    comes_to(lambda: requests(g), 8)
    metrics = scrape(g)
    assert metrics.by("image_gateway_requests_total", "operation", "status", "outcome") == {
        ("generate", "200", "made"): 1, ("generate", "400", "refused"): 1, ("generate", "429", "refused"): 1,
        ("generate", "401", "refused"): 1, ("models", "200", "served"): 1, ("other", "404", "refused"): 1,
        ("generate", "405", "refused"): 1, ("generate", "403", "refused"): 1}
    assert metrics("image_gateway_limits_exceeded_total", party="key", limit="requests_per_minute") == 1
    assert metrics("image_gateway_requests_in_progress") == 0
    assert metrics("image_gateway_workers") == 1
    assert metrics("image_gateway_zone_entries") == 1
    assert metrics("image_gateway_memory_limit_bytes") == 512 * 1024 * 1024


def test_attempts_and_what_goes_on_are_counted(gateway, openai, openai_factory):
    other = openai_factory(family="dalle")
    http = provider("p", openai, "breaker failures=1 window=30s open=30s;") + provider("studio", other)
    g = gateway(OPEN, http + "image_model auto p/gpt-image-2 studio/sdxl;", extra_locations=METRICS)
    openai.always(Hang())
    with g.connect() as raw:
        raw.post("/v1/images/generations", {"prompt": "a", "model": "auto"})
        openai.wait_in_flight(1)
        metrics = scrape(g)
        assert metrics("image_gateway_requests_in_progress") == 1
        assert metrics("image_gateway_calls_in_progress", provider="p") == 1
        assert metrics("image_gateway_memory_held_bytes") > 0
    comes_to(lambda: requests(g, outcome="client_gone", status="499"), 1)
    openai.always(ERRORS["server_error"])
    assert g.generate(model="auto").status == 200
    assert g.generate(model="auto").status == 200
    comes_to(lambda: requests(g), 3)
    metrics = scrape(g)
    assert metrics.by("image_gateway_attempts_total", "provider", "model", "outcome") == {
        ("p", "gpt-image-2", "client_gone"): 1, ("p", "gpt-image-2", "broken"): 1, ("studio", "sdxl", "made"): 2}
    assert metrics("image_gateway_fallbacks_total", provider="studio") == 1
    assert metrics("image_gateway_skips_total", provider="p", reason="breaker_open") == 1
    assert metrics("image_gateway_breaker_open", provider="p", model="gpt-image-2") == 1
    assert metrics("image_gateway_calls_in_progress") == 0


def test_open_metrics_is_sent_to_those_who_accept_it(gateway):
    g = gateway(OPEN, SANDBOX, extra_locations=METRICS)
    plain, other = g.get("/metrics"), g.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0, */*;q=0.1"})
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert other.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert other.text.endswith("# EOF\n") and "# EOF" not in plain.text
    assert "# TYPE image_gateway_reloads counter\nimage_gateway_reloads_total 0\n" in other.text
    head = g.request("HEAD", "/metrics")
    assert head.status == 200 and head.body == b""
    assert g.post("/metrics", {}).status == 405


def test_names_that_callers_make_up_add_no_series(gateway, openai):
    openai.always(ERRORS["server_error"])
    g = gateway(OPEN, provider("p", openai), extra_locations="location = /metrics { image_gateway_metrics gen_ai=on; }")
    for model in ("p/new", "nobody/new"):
        g.generate(model=model)
    comes_to(lambda: requests(g), 2)
    before = scrape(g).series
    for i in range(100):
        g.generate({"x-api-key": f"sk-{i}", "X-On-Behalf-Of": f"user-{i}"}, model=("p/" if i % 2 else "nobody/") + f"m{i}")
    comes_to(lambda: requests(g), 102)
    assert scrape(g).series == before
    assert "user-" not in scrape(g).text


# Who may read it


def test_only_clients_of_this_machine_may_read_it(gateway):
    g = gateway(OPEN, SANDBOX, server=FROM_AFAR, extra_locations=METRICS +
                "location = /open { image_gateway_metrics access=open; } location = /status { image_gateway_status; }"
                "location = /denied { image_gateway_metrics access=open; deny 192.0.2.0/24; }")
    for path in ("/metrics", "/status"):
        assert g.get(path).status == 200
        refused = g.get(path, AFAR)
        assert refused.status == 403 and refused.json["error"]["code"] == "local_only"
        assert g.get(path, {"X-Real-IP": "::1"}).status == 200
        assert g.get(path, {"X-Real-IP": "::ffff:127.0.0.9"}).status == 200
        assert g.get(path, {"X-Real-IP": "2001:db8::1"}).status == 403
        assert g.get(path, {"X-Real-IP": "128.0.0.1"}).status == 403
    assert g.get("/open", AFAR).status == 200
    assert g.get("/denied").status == 200 and g.get("/denied", AFAR).status == 403


def test_a_client_of_a_unix_socket_counts_as_from_afar(scratch, gateway):
    g = gateway(OPEN, SANDBOX, server=f"listen unix:{scratch}/socket;", extra_locations=METRICS)
    done = subprocess.run([sys.executable, "-c", "import socket, sys; s = socket.socket(socket.AF_UNIX);"
                           "s.connect(sys.argv[1]); s.send(b'GET /metrics HTTP/1.0\\r\\n\\r\\n'); print(s.recv(99))",
                           f"{scratch}/socket"], capture_output=True, text=True, check=True)
    assert "403" in done.stdout and g.running


def test_an_administrators_token_may_read_it_from_anywhere(scratch, gateway):
    signer = SigningKey("RSA", "one")
    (scratch / "jwks.json").write_text(key_set(signer))
    (scratch / "jwks.json").chmod(0o644)
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a")])
    g = gateway("image_gateway;", SANDBOX + f"image_gateway_jwt jwks={scratch}/jwks.json admin_claim=role=admin;"
                f"image_gateway_keys {keys};", server=FROM_AFAR, extra_locations=METRICS)
    for claims, status in (({"role": "admin"}, 200), ({"role": "user"}, 403), ({"sub": "a"}, 403)):
        token = signer.token({"exp": 4_000_000_000, **claims})
        assert g.get("/metrics", {**AFAR, "Authorization": f"Bearer {token}"}).status == status, claims
    assert g.get("/metrics", {**AFAR, "Authorization": "Bearer sk-bf-a"}).status == 403
    assert g.get("/metrics", {**AFAR, "Authorization": "Basic YTpi"}).status == 403


def test_a_location_is_for_one_thing_only(nginx_t):
    for inside in ("image_gateway_metrics; image_gateway_status;", "image_gateway; image_gateway_auth off; image_gateway_metrics;",
                   "image_gateway_status; image_gateway; image_gateway_auth off;"):
        result = nginx_t(SANDBOX, inside)
        assert not result.ok and "need locations of their own" in result.output, result.output
    assert "expected gen_ai=on, keys=on or access=open" in nginx_t(SANDBOX, "image_gateway_metrics all=on;").output
    assert "expected on or off" in nginx_t(SANDBOX, "image_gateway_metrics keys=yes;").output
    assert "expected access=open" in nginx_t(SANDBOX, "image_gateway_status keys=on;").output
    assert nginx_t("", "image_gateway_metrics;").ok


# That it goes on


def test_figures_outlive_reloads_and_killed_workers(gateway):
    g = gateway(OPEN, SANDBOX, workers=2, extra_locations=METRICS)
    for _ in range(4):
        g.generate(size="16x16")
    comes_to(lambda: requests(g), 4)
    g.reload(http=SANDBOX + "image_provider another { api sandbox; }")
    assert requests(g) == 4 and scrape(g)("image_gateway_reloads_total") == 1
    g.generate(size="16x16", model="another/placeholder")
    comes_to(lambda: requests(g), 5)
    g.allow_worker_change()
    g.allow_log("exited on signal 9")
    before = g.worker_pids()
    os.kill(before[0], signal.SIGKILL)
    assert until(lambda: len(g.worker_pids()) == 2 and set(g.worker_pids()) != set(before), 10)
    assert requests(g) == 5
    g.generate(size="16x16")
    comes_to(lambda: requests(g), 6)
    assert until(lambda: scrape(g)("image_gateway_workers") == 2, 5)
    assert scrape(g)("image_gateway_requests_in_progress") == 0


def test_figures_outlive_an_upgrade_of_the_binary(gateway):
    g = gateway(OPEN, SANDBOX, daemon=True, extra_locations=METRICS,
                main="env PATH; env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;")
    g.generate(size="16x16")
    comes_to(lambda: requests(g), 1)
    g.upgrade()
    assert requests(g) == 1
    g.generate(size="16x16")
    comes_to(lambda: requests(g), 2)


def test_the_directive_may_come_and_go(gateway):
    g = gateway(OPEN, SANDBOX, extra_locations="")
    g.generate(size="16x16")
    g.reload(extra_locations=METRICS)
    g.generate(size="16x16")
    comes_to(lambda: requests(g), 1)
    g.reload(extra_locations="")
    g.reload(extra_locations=METRICS)
    assert requests(g) == 0, "nothing was counted, and the zone was given up"


def test_metrics_need_no_gateway(gateway):
    g = gateway("return 204;", extra_locations=METRICS)
    assert scrape(g)("image_gateway_build_info") == 1


# That figures agree


def test_metrics_the_access_log_and_the_state_file_agree(scratch, gateway, openai, openai_factory):
    """A mixed run. What the log says about each request is compared, number by number."""
    names = ("status", "image_gateway_provider", "image_gateway_model", "image_gateway_outcome", "image_gateway_attempts",
             "image_gateway_images", "image_gateway_cost", "image_gateway_request_id")
    log = "|".join(f"${name}" for name in names)
    studio = openai_factory(family="dalle")
    keys = write_keys(scratch / "keys.json", [key_entry("a", "sk-bf-a"),
                                              key_entry("b", "sk-bf-b", limits={"requests_per_minute": 5})])
    catalogue = {"apis": {"sandbox": [{"model": "placeholder", "family": "sandbox", "price": {"per_image": [{"usd": 0.01}]}}]}}
    (scratch / "catalog.json").write_text(json.dumps(catalogue))
    (scratch / "catalog.json").chmod(0o644)
    state = scratch / "state" / "state.db"
    g = gateway(f"image_gateway; image_gateway_keys {keys};",
                f"image_gateway_state {state}; image_gateway_catalog {scratch}/catalog.json;" + SANDBOX +
                provider("p", openai) + provider("studio", studio) + "image_model chain p/gpt-image-2 studio/sdxl;",
                workers=2, extra_locations=METRICS, access_format=log)
    count = 1000
    made = 0
    for i in range(count):
        key = {"x-api-key": "sk-bf-b" if i % 5 == 0 else "sk-bf-a" if i % 7 else "sk-wrong"}
        fields = ({"size": "16x16", "n": 1 + i % 3}, {"model": "p/gpt-image-2"}, {"model": "chain"}, {"n": 99},
                  {"model": "nobody/x"}, {"model": "studio/sdxl"})[i % 6]
        if i % 4 == 0:
            openai.next(ERRORS["server_error"])
        made += g.generate(key, **fields).status == 200
    assert made > count // 4
    lines = [dict(zip(names, line.split("|"))) for line in g.access_log(count) if "|" in line]
    lines = [line for line in lines if line["image_gateway_request_id"] != "-"]
    comes_to(lambda: requests(g), len(lines))
    metrics = scrape(g)

    def sum_of(name):
        return sum(float(line[name]) for line in lines if line[name] != "-")

    assert len(lines) == count
    assert Counter((line["status"], line["image_gateway_outcome"]) for line in lines) == metrics.by(
        "image_gateway_requests_total", "status", "outcome")
    assert Counter(line["image_gateway_provider"].replace("-", "none") for line in lines) == {
        name: value for (name,), value in metrics.by("image_gateway_requests_total", "provider").items()}
    assert metrics("image_gateway_attempts_total") == sum_of("image_gateway_attempts") > 0
    assert metrics("image_gateway_images_total") == sum_of("image_gateway_images") == sum(
        value for value in metrics.by("image_gateway_images_total", "provider").values())
    assert metrics("image_gateway_cost_usd_total") == pytest.approx(sum_of("image_gateway_cost"), abs=1e-9)
    assert metrics("image_gateway_request_duration_seconds_count") == count

    rows = [line for line in lines if int(line["image_gateway_attempts"]) > 0]
    assert until(lambda: usage(state, "count(*)") == [(len(rows),)], 10), usage(state, "count(*)")
    (images, lost, cost), = usage(state, "sum(images), sum(images_lost), sum(cost_usd)")
    assert metrics("image_gateway_images_total") == images
    assert metrics("image_gateway_images_lost_total") == lost
    assert metrics("image_gateway_cost_usd_total") == pytest.approx(cost, abs=1e-9)
    assert set(usage(state, "request_id, status, outcome")) == {
        (line["image_gateway_request_id"], int(line["status"]), line["image_gateway_outcome"]) for line in rows}
    assert metrics("image_gateway_state_writable") == 1


def usage(state, columns) -> list:
    try:
        with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as database:
            return database.execute(f"SELECT {columns} FROM usage").fetchall()
    except sqlite3.OperationalError:  # it is being made
        return []


@pytest.mark.parametrize("http", ("libcurl", "native"))
def test_bytes_to_and_from_providers_are_counted(gateway, openai, http):
    openai.always(Raw(200, {"Content-Type": "application/json"}, BODY))
    g = gateway(OPEN, provider("p", openai, f"http {http};"), extra_locations=METRICS)
    for i, size in enumerate((10, 1000, 30_000)):
        assert g.generate(model="p/gpt-image-2", prompt="x" * size).status == 200
        comes_to(lambda: requests(g), i + 1)
    sent = sum(len(f"{one.method} {one.path} HTTP/1.1\r\n\r\n") + len(one.body) +
               sum(len(f"{name}: {value}\r\n") for name, value in one.header_list) for one in openai.requests)
    metrics = scrape(g)
    assert metrics("image_gateway_provider_sent_bytes_total", provider="p") == sent > 1000
    reply = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    assert metrics("image_gateway_provider_received_bytes_total", provider="p") == len(openai.requests) * (len(reply) + len(BODY))


def test_bytes_of_a_call_that_was_given_up_are_counted(gateway, openai):
    openai.always(Hang())
    g = gateway(OPEN, provider("p", openai), extra_locations=METRICS)
    with g.connect() as raw:
        raw.post("/v1/images/generations", {"prompt": "a" * 1000, "model": "p/gpt-image-2"})
        openai.wait_in_flight(1)
    comes_to(lambda: requests(g), 1)
    metrics = scrape(g)
    assert metrics("image_gateway_provider_sent_bytes_total") > 1000
    assert metrics("image_gateway_provider_received_bytes_total") == 0


def test_a_counter_never_goes_backwards_during_load(gateway):
    g = gateway(OPEN, SANDBOX, workers=2, extra_locations=METRICS)
    flood = Flood(g, 300, connections=4)
    flood.start()
    counts = [requests(g) for _ in range(20)]
    assert set(flood.join()) == {200}
    assert counts == sorted(counts)
    comes_to(lambda: requests(g), 300)
