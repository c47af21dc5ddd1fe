"""examples/observability: the alert rules, and a dashboard each of whose expressions has data in recorded scrapes."""

import json
import math
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from fakes.openai import ERRORS, Reset
from harness import key_entry, provider, write_keys
from harness.gateway import until
from harness.metrics import Metrics
from ports import free_port

STEP = 15  # seconds between two scrapes
SCRAPES = 8


@pytest.fixture(scope="module")
def tool(project):
    """The path of a program of Prometheus: Debian's package, which ./build.sh test unpacks."""
    def find(name) -> str:
        unpacked = project / "build/prometheus/usr/bin" / name
        path = str(unpacked) if unpacked.exists() else shutil.which(name)
        assert path, f"there is no {name}; ./build.sh test gets it"
        return path
    return find


@pytest.fixture(scope="module")
def examples(project):
    return project / "examples/observability"


@pytest.fixture
def busy(scratch, gateway, openai, openai_factory):
    """A gateway with all that metrics can show; busy() makes requests of all kinds."""
    studio = openai_factory(family="dalle")
    keys = write_keys(scratch / "keys.json", [
        key_entry("a", "sk-bf-a", limits={"images_per_day": 100000}),
        key_entry("paying", "sk-bf-paying", budgets=[{"usd": 100, "per": "month"}]),  # not for models without a price
        key_entry("b", "sk-bf-b", limits={"requests_per_minute": 1})])
    g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_store {scratch}/store;",
                f"image_gateway_state {scratch}/state/state.db;"
                "image_provider sandbox { api sandbox; } image_model try sandbox/placeholder;" +
                provider("p", openai, "retry attempts=2 backoff=1ms..2ms within=5s; breaker failures=3 window=30s open=30s;") +
                provider("studio", studio) + "image_model auto p/gpt-image-2 studio/sdxl;",
                extra_locations="location = /metrics { image_gateway_metrics keys=on gen_ai=on; }")

    def work() -> Metrics:
        key = {"x-api-key": "sk-bf-a"}
        g.generate(key, model="p/gpt-image-2", quality="hd")
        assert g.generate(key, model="auto").status == 200
        assert g.generate(key, model="try", size="16x16", response_format="url").status == 200
        openai.next(ERRORS["server_error"])
        g.generate(key, model="p/gpt-image-2")
        for _ in range(2):
            openai.next(ERRORS["server_error"])
        g.generate(key, model="auto")
        openai.next(Reset())
        g.generate(key, model="p/gpt-image-2")
        g.generate({"x-api-key": "sk-bf-b"}, model="studio/sdxl")
        g.generate({"x-api-key": "sk-bf-b"}, model="studio/sdxl")
        g.generate(key, model="nobody/x")
        return Metrics(g.get("/metrics", {"Accept": "application/openmetrics-text"}).text)

    work.plain = lambda: g.get("/metrics").text
    return work


def test_metrics_are_as_prometheus_wants_them(tool, busy):
    for _ in range(2):
        busy()
    checked = subprocess.run([tool("promtool"), "check", "metrics"], input=busy.plain(), capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stdout and not checked.stderr, checked


def test_the_alert_rules_fire_when_they_should(tool, examples):
    done = subprocess.run([tool("promtool"), "test", "rules", "alerts_test.yml"], cwd=examples, capture_output=True, text=True)
    assert done.returncode == 0, done
    named = set(re.findall(r"alert: (\w+)", (examples / "alerts.yml").read_text()))
    assert named == set(re.findall(r"alertname: (\w+)", (examples / "alerts_test.yml").read_text()))
    checked = subprocess.run([tool("promtool"), "check", "config", "prometheus.yml"], cwd=examples, capture_output=True, text=True)
    assert checked.returncode == 0, checked


def test_rules_and_dashboard_name_only_series_that_are_there(project, examples):
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", (project / "docs/metrics.md").read_text(), re.MULTILINE)
    known = {name for name, _ in listed} | {f"{name}_{part}" for name, kind in listed if kind == "histogram"
                                            for part in ("bucket", "sum", "count")}
    for name in ("alerts.yml", "dashboard.json"):
        used = set(re.findall(r"\bimage_gateway_\w+", (examples / name).read_text())) - {"image_gateway_status", "image_gateway_memory",
                                                                                         "image_gateway_zone"}
        assert used and used <= known, used - known


def recorded(busy, directory, end):
    """Scrapes as one file with times, in blocks that Prometheus reads."""
    lines, kinds = [], {}
    for number in range(SCRAPES):
        for line in busy().text.splitlines():
            if line.startswith("# TYPE"):
                kinds[line.split()[2]] = line
            elif not line.startswith("#"):
                lines.append(f"{line} {end - (SCRAPES - 1 - number) * STEP}")
    # One family after another, as OpenMetrics demands.
    def family(line):
        name = re.match(r"\w+", line)[0]
        return next(one for one in (name, *(name.removesuffix(part) for part in ("_total", "_bucket", "_sum", "_count")))
                    if one in kinds)
    families = {}
    for line in lines:
        families.setdefault(family(line), []).append(line)
    text = "".join(f"{kinds[name]}\n" + "\n".join(sorted(samples, key=lambda line: (line.rpartition(" ")[0].rpartition(" ")[0], line))) + "\n"
                   for name, samples in families.items())
    (directory / "scrapes.txt").write_text(text + "# EOF\n")


def test_every_expression_of_the_dashboard_has_data(tool, examples, busy, scratch):
    end = int(time.time()) - 3 * 3600  # so that it is in a block, and not in the future
    recorded(busy, scratch, end)
    done = subprocess.run([tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", f"{scratch}/scrapes.txt",
                           f"{scratch}/data"], capture_output=True, text=True)
    assert done.returncode == 0, done
    (scratch / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    with open(scratch / "prometheus.log", "w") as log:
        prometheus = subprocess.Popen([tool("prometheus"), f"--config.file={scratch}/prometheus.yml",
                                       f"--storage.tsdb.path={scratch}/data", "--storage.tsdb.retention.time=100y",
                                       f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log,
                                      env={**os.environ, "GOMAXPROCS": "1"})
    try:
        url = f"http://127.0.0.1:{port}"

        def is_ready():
            try:
                return urllib.request.urlopen(f"{url}/-/ready", timeout=1).status == 200
            except OSError:
                return False

        assert until(is_ready, 30), (scratch / "prometheus.log").read_text()[-2000:]
        panels = json.loads((examples / "dashboard.json").read_text())["panels"]
        expressions = [target["expr"] for panel in panels for target in panel["targets"]]
        assert len(expressions) > 30
        empty = [one for one in expressions if not data_of(url, one, end)]
        assert not empty, "\n".join(empty)
    finally:
        prometheus.terminate()
        prometheus.wait(20)


def data_of(url, expression, end) -> list:
    query = urllib.parse.urlencode({"query": expression.replace("$__rate_interval", "2m"), "time": end})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=10) as reply:
        result = json.load(reply)["data"]["result"]
    return [one for one in result if not math.isnan(float(one["value"][1]))]
