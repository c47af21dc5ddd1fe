"""Bifrost, by `go install`, or the program that BIFROST names.

Its settings are written after its manual: where it was written, neither the Go module nor the program could be had. Each kind of
answer is checked before it is measured, so a setting that is wrong shows as "not run"."""

import json
import os
import subprocess
from pathlib import Path

from .peer import MODEL, Call, Launch, NotRun, Peer, body_of, install

MODULE = "github.com/maximhq/bifrost/transports/bifrost-http"


class Bifrost(Peer):
    name = "bifrost"
    title = "Bifrost"
    kinds = ("tiny",)
    does = "rewrites the model and answers in one form"
    leaves_out = "keys of callers with limits (they need its store), validation against models"

    def __init__(self):
        self._program = None

    def install(self, directory):
        given = os.environ.get("BIFROST")
        if given:
            if not os.access(given, os.X_OK):
                raise NotRun(f"BIFROST names {given}, which is no program")
            self._program = Path(given)
            return
        root = directory / "bifrost"
        self._program, refusal = root / "bifrost-http", root / "refused"
        if self._program.exists():
            return
        if refusal.exists():  # asked once: remove the file to ask again
            raise NotRun(refusal.read_text())
        root.mkdir(parents=True, exist_ok=True)
        try:
            install(["go", "install", f"{MODULE}@latest"], f"the Go module {MODULE}", directory / "bifrost.log",
                    environment={**os.environ, "GOBIN": str(root)})
        except NotRun as why:
            refusal.write_text(str(why))
            raise

    def version(self):
        known = subprocess.run(["go", "version", "-m", self._program], capture_output=True, text=True, check=False).stdout
        return next((line.split()[2] for line in known.splitlines() if line.startswith("\tmod\t")), "")

    def launch(self, servers, provider, port) -> Launch:
        home = servers.directory / "bifrost"
        home.mkdir(exist_ok=True)
        key = {"name": "mock", "value": "sk-mock", "models": ["*"], "weight": 1.0}
        provider_settings = {"keys": [key], "network_config": {"base_url": provider.base("tiny")}}
        (home / "config.json").write_text(json.dumps({"providers": {"openai": provider_settings}}))
        return Launch([str(self._program), "-host", "127.0.0.1", "-port", str(port), "-app-dir", str(home), "-log-level", "error"])

    def call(self, kind, port, provider) -> Call:
        body = {**json.loads(body_of(kind)), "model": f"openai/{MODEL}"}
        return Call(f"http://127.0.0.1:{port}/v1/images/generations", json.dumps(body, separators=(",", ":")), {})
