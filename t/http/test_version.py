"""The version of the gateway: one number, whoever tells it."""

import re
import subprocess

import pytest
from harness import call, provider

OPEN = "image_gateway; image_gateway_auth off;"


@pytest.fixture
def version(project) -> str:
    told = subprocess.run([project / "src/tools/image-gateway", "version"], text=True, capture_output=True, check=True)
    return re.fullmatch(r"image-gateway (\d+\.\d+\.\d+(-dev)?)\n", told.stdout)[1]


@pytest.mark.parametrize("http", ("libcurl", "native"))
def test_providers_are_told_the_version(gateway, openai, version, http):
    g = gateway(OPEN, provider("openai", openai, f"http {http};") + "image_model auto openai/gpt-image-2;")
    assert g.generate({"User-Agent": "mine/2.0"}).status == 200
    assert openai.requests[0].headers["user-agent"] == f"image-gateway/{version}"


def test_metrics_and_the_status_tell_the_version(gateway, version):
    g = gateway("return 204;", extra_locations="location = /metrics { image_gateway_metrics; }"
                                               "location = /status { image_gateway_status; }")
    assert f'\nimage_gateway_build_info{{version="{version}",' in call(f"{g.url}/metrics").text
    assert call(f"{g.url}/status").json["version"] == version


def test_the_installed_command_tells_the_version_of_its_source(project, tmp_path, version):
    subprocess.run(["bash", "-c", 'fail() { exit 1; }; . scripts/module.sh; . scripts/install.sh; install_tool "$1"', "sh", tmp_path],
                   cwd=project, check=True)
    told = subprocess.run([tmp_path / "image-gateway", "version"], text=True, capture_output=True, check=True)
    assert told.stdout == f"image-gateway {version}\n"
