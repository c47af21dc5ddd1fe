"""Portkey's gateway, from npm."""

import json
import shutil
import subprocess

from .peer import MODEL, Call, Launch, NotRun, Peer, body_of, install

PACKAGE, VERSION = "@portkey-ai/gateway", "1.15.2"


class Portkey(Peer):
    name = "portkey"
    title = f"Portkey gateway {VERSION}"
    kinds = ("tiny", "2mb", "8mb", "stream", "storm", "tls")
    does = "rewrites the model and falls back, as a header of each request says"
    compiles = True
    leaves_out = "keys of callers, limits, validation against models, resting keys: the throttled provider is asked each time"

    def __init__(self):
        self._root = None

    def install(self, directory):
        self._root = directory / "portkey"
        if not (shutil.which("node") and shutil.which("npm")):
            raise NotRun("there is no node or no npm here")
        if (self._root / "complete").exists():
            return
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / "package.json").write_text('{"private": true}')
        install(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--loglevel=error",
                 f"{PACKAGE}@{VERSION}"], f"npm's {PACKAGE}", directory / "portkey.log", cwd=self._root)
        (self._root / "complete").touch()

    def version(self):
        return f"{VERSION}, Node.js {subprocess.run(['node', '--version'], capture_output=True, text=True, check=True).stdout.strip()}"

    def launch(self, servers, provider, port) -> Launch:
        return Launch(["node", str(self._root / "node_modules" / PACKAGE / "build/start-server.js"), f"--port={port}", "--headless"],
                      {"NODE_EXTRA_CA_CERTS": str(provider.authority), "NODE_ENV": "production"})

    def call(self, kind, port, provider) -> Call:
        if kind == "storm":
            targets = [_target(provider.base("throttled")), _target(provider.base("tiny"))]
            config = {"strategy": {"mode": "fallback", "on_status_codes": [429]}, "targets": targets}
        else:
            config = _target(provider.base(kind))
        return Call(f"http://127.0.0.1:{port}/v1/images/generations", body_of(kind),
                    {"x-portkey-config": json.dumps(config, separators=(",", ":"))})


def _target(base: str) -> dict:
    return {"provider": "openai", "api_key": "sk-mock", "custom_host": f"{base}/v1", "override_params": {"model": MODEL}}
