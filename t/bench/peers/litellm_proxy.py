"""LiteLLM's proxy, from PyPI, with a master key: keys of its own and limits need a database."""

import json
import sys

from .peer import KEY, MODEL, Launch, Peer, install

REQUIREMENT = "litellm[proxy]==1.83.0"
KINDS = ("tiny", "2mb", "8mb", "stream", "tls", "parked", "throttled")


class LiteLLM(Peer):
    name = "litellm"
    title = f"LiteLLM proxy {REQUIREMENT.partition('==')[2]}"
    kinds = ("tiny", "2mb", "8mb", "stream", "storm", "tls")
    does = "checks one master key, rewrites the model, falls back, lets throttled deployments cool down, and answers in one form"
    leaves_out = "keys of callers with limits and budgets (they need its database), validation against models"

    def __init__(self):
        self._root = None

    def install(self, directory):
        self._root = directory / "litellm"
        if (self._root / "complete").exists():
            return
        log = directory / "litellm.log"
        install([sys.executable, "-m", "venv", self._root], "Python's venv", log)
        install([self._root / "bin/pip", "install", "-q", "--disable-pip-version-check", REQUIREMENT], REQUIREMENT, log)
        (self._root / "complete").touch()

    def version(self):
        return f"{REQUIREMENT.partition('==')[2]}, Python {sys.version.split()[0]}"

    def launch(self, servers, provider, port) -> Launch:
        models = [_model(kind, provider.base(kind)) for kind in KINDS]
        models.append(_model("storm", provider.base("throttled")))
        settings = {"model_list": models,
                    "router_settings": {"fallbacks": [{"storm": ["tiny"]}], "num_retries": 0},
                    "litellm_settings": {"num_retries": 0, "request_timeout": 600},
                    "general_settings": {"master_key": KEY}}
        path = servers.directory / "litellm.yaml"
        path.write_text(json.dumps(settings))  # JSON is YAML
        return Launch([str(self._root / "bin/litellm"), "--config", str(path), "--host", "127.0.0.1", "--port", str(port),
                       "--num_workers", "1"],
                      {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "SSL_CERT_FILE": str(provider.authority)})


def _model(name: str, base: str) -> dict:
    return {"model_name": name, "litellm_params": {"model": f"openai/{MODEL}", "api_base": f"{base}/v1", "api_key": "sk-mock"},
            "model_info": {"mode": "image_generation"}}
