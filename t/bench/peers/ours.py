"""This gateway, with a key, limits, validation and the unified answer: by libcurl's HTTP, by its own, and without buffering."""

import hashlib
import json
import subprocess

import workers
from _bench import ROOT

from .peer import KEY, MODEL, Launch, Peer

SERVED = ("tiny", "2mb", "8mb", "stream", "tls", "parked")  # by a provider and an alias of the same name

HTTP = """
    image_gateway_keys {directory}/peers-keys.json;
    image_gateway_catalog {directory}/peers-catalog.json;
    {providers}
    image_model storm throttled/{model} tiny/{model};
    image_model fan-out single/one-image;
    server {{
        listen 127.0.0.1:{port};
        location / {{ image_gateway; image_gateway_buffering {buffering}; }}
    }}
"""

# A model that makes one image a call: n of them are n calls
SINGLE = {"model": "one-image", "family": "gpt-image-2", "parameters": {"n": {"min": 1, "max": 1}}}


class Ours(Peer):
    name = "ours-libcurl"
    title = "this gateway, http libcurl"
    kinds = ("tiny", "2mb", "8mb", "stream", "storm", "fan-out", "tls")
    does = ("checks a hashed key and its limits, validates against the catalogue, rewrites the model, falls back, makes several calls for "
            "one request, checks the images, and answers in the unified form")
    http, buffering = "libcurl", "on"

    def version(self):
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
        return commit.stdout.strip()

    def launch(self, servers, provider, port) -> Launch:
        self._write_keys(servers.directory)
        bases = {kind: provider.base(kind) for kind in SERVED}
        blocks = "".join(self._provider(servers, kind, base) + f"image_model {kind} {kind}/{MODEL};\n"
                         for kind, base in bases.items())
        blocks += self._provider(servers, "throttled", provider.base("throttled"))
        blocks += self._provider(servers, "single", provider.base("fan-out"))
        http = HTTP.format(directory=servers.directory, providers=blocks, model=MODEL, port=port, buffering=self.buffering)
        return Launch(servers.command(self.name, http, load=f"load_module {servers.module};", level="crit"))

    def _provider(self, servers, name, base) -> str:
        authority = f"ca {servers.directory}/provider.pem;" if base.startswith("https") else ""
        return (f"image_provider {name} {{ api openai; url {base}/v1; key file:{servers.directory}/key; "
                f"http {self.http}; {authority} }}\n")

    @staticmethod
    def _write_keys(directory):
        key = {"id": "peers", "sha256": hashlib.sha256(KEY.encode()).hexdigest(), "limits": workers.LIMITS}
        (directory / "peers-keys.json").write_text(json.dumps({"keys": [key]}))
        (directory / "peers-catalog.json").write_text(json.dumps({"providers": {"single": [SINGLE]}}))


class OursNative(Ours):
    name = "ours-native"
    title = "this gateway, http native"
    does = "does the same, by HTTP of its own"
    http = "native"


class OursUnbuffered(OursNative):
    name = "ours-unbuffered"
    title = "this gateway, http native, buffering off"
    does = "does the same, while the image passes through"
    kinds = ("2mb", "8mb")
    buffering = "off"
