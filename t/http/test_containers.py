"""nginx.conf of examples/docker and examples/kubernetes, as it runs in a container: without root, writing to two directories."""

import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest
from harness import call, environment, key_entry, write_keys
from harness.gateway import until
from ports import free_port


def from_docker(project) -> str:
    return (project / "examples/docker/nginx.conf").read_text()


def from_kubernetes(project) -> str:
    text = (project / "examples/kubernetes/image-gateway.yaml").read_text()
    return textwrap.dedent(re.search(r"^  nginx\.conf: \|\n((?:    .*\n|\n)+)", text, re.MULTILINE)[1])


@pytest.fixture
def container(tmp_path):
    """Starts nginx with a configuration as nobody. Only "temporary" and "volume" can be written to."""
    running = []
    tmp_path.chmod(0o755)
    for directory in ("temporary", "volume", "secret"):
        (tmp_path / directory).mkdir()
    (tmp_path / "secret").chmod(0o755)
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if environment.is_root() else {}
    if user:
        for parent in tmp_path.parents[:-1]:
            if parent.stat().st_uid == os.getuid() and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o111)
        for directory in ("temporary", "volume"):
            subprocess.run(["chown", "nobody:nogroup", tmp_path / directory], check=True)

    def start(text: str):
        port = free_port()
        for ours, here in (("modules/ngx_http_image_gateway_module.so", environment.module()), ("listen 8080;", f"listen 127.0.0.1:{port};"),
                           ("/tmp/", f"{tmp_path}/temporary/"), ("/var/lib/nginx/images", f"{tmp_path}/volume"),
                           ("/dev/stderr", "stderr")):
            assert ours in text, ours
            text = text.replace(ours, here)
        text = text.replace("/etc/image-gateway", f"{tmp_path}/secret")
        (tmp_path / "nginx.conf").write_text(text)
        log = open(tmp_path / "log", "wb")
        process = subprocess.Popen(
            [environment.nginx(), "-p", f"{tmp_path}/", "-c", f"{tmp_path}/nginx.conf", "-e", "stderr", "-g", "daemon off;"],
            env=environment.variables({"OPENAI_API_KEY": "sk-test"}, tmp_path / "temporary"), stderr=log, **user)
        running.append(process)
        assert until(lambda: process.poll() is not None or (tmp_path / "temporary/nginx.pid").exists(), 30)
        assert process.poll() is None, (tmp_path / "log").read_text()
        return process, f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.kill()
        process.wait()


def keys(path):
    write_keys(path, [key_entry("a", "sk-bf-a")])
    path.chmod(0o644)


@pytest.mark.parametrize("configuration, keys_file, model", (
    (from_docker, "volume/keys.json", "auto"), (from_kubernetes, "secret/keys.json", "try")))
def test_the_configuration_serves_a_kept_image_and_ends_by_sigquit(project, tmp_path, container, configuration, keys_file, model):
    (tmp_path / "secret").mkdir(exist_ok=True)
    (tmp_path / "volume").mkdir(exist_ok=True)
    keys(tmp_path / keys_file)
    process, url = container(configuration(project))
    assert call(f"{url}/health").status == 204
    body = {"prompt": "a red kite", "model": model, "response_format": "url"}
    assert call(f"{url}/v1/images/generations", "POST", None, {}, 30, body).status == 401
    reply = call(f"{url}/v1/images/generations", "POST", None, {"x-api-key": "sk-bf-a"}, 30, body)
    assert reply.status == 200 and call(reply.json["data"][0]["url"]).body.startswith(b"\x89PNG")
    process.send_signal(signal.SIGQUIT)
    assert process.wait(30) == 0
    assert not re.search(r"\[(alert|emerg|crit|error)\]", (tmp_path / "log").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {"temporary", "volume", "secret", "nginx.conf", "log"}
