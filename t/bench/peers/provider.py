"""The mock provider: an nginx that sends static answers, over TLS, too; one that answers only 429; one that is silent."""

import base64
import json
import socket
import subprocess
import threading
from contextlib import suppress

from _bench import answer_with, free_port, png, stored

from .peer import PARTIALS

# Bytes of base64 in the image of each kind of answer
SIZES = {"tiny": 0, "2mb": 2_000_000, "8mb": 8_000_000}
PREVIEW = 100_000  # bytes of base64 in each image of the stream

LISTENING = """
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {directory}/provider.pem;
        ssl_certificate_key {directory}/provider.key;
        ssl_session_cache shared:provider:1m;
        root {directory}/answers;
        {locations}
    }}
    server {{
        listen 127.0.0.1:{throttled};
        location / {{ return 429 '{refusal}'; }}
    }}
"""

REFUSAL = json.dumps({"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded",
                                "param": None}})


class Silent:
    """Takes every request and answers none."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self._server.getsockname()[1]
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._server.accept()
            connection.settimeout(2)
            with suppress(OSError):
                connection.recv(65536)
            self.connections.append(connection)

    def forget(self):
        while self.connections:
            self.connections.pop().close()


class Provider:
    """Its addresses, by kind of request, and the images that it answers with."""

    def __init__(self, servers):
        self.plain, self.tls, self.throttled = free_port(), free_port(), free_port()
        self.silent = Silent()
        self.authority = servers.directory / "provider.pem"
        self._make_certificate(servers.directory)
        self.images = {name: png(padding=size * 3 // 4) for name, size in SIZES.items()}
        for name, image in self.images.items():
            (servers.directory / "answers" / f"{name}.json").write_text(answer_with(image))
        (servers.directory / "answers" / "stream.sse").write_text(_stream())
        locations = "".join(stored(f"/{name}/", f"{name}.json") for name in SIZES) + stored("/stream/", "stream.sse")
        locations += "location = /stream.sse { types { text/event-stream sse; } }"
        http = LISTENING.format(plain=self.plain, tls=self.tls, throttled=self.throttled, directory=servers.directory,
                                locations=locations, refusal=REFUSAL)
        servers.nginx("mock", http, self.plain)

    def base(self, kind: str) -> str:
        """The address of the provider that serves this kind, without /v1."""
        if kind == "tls":
            return f"https://127.0.0.1:{self.tls}/tiny"
        if kind == "parked":
            return f"http://127.0.0.1:{self.silent.port}"
        if kind == "throttled":
            return f"http://127.0.0.1:{self.throttled}"
        return f"http://127.0.0.1:{self.plain}/{self.answer(kind)}"

    def answer(self, kind: str) -> str:
        return kind if kind in (*SIZES, "stream") else "tiny"

    @staticmethod
    def _make_certificate(directory):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", directory / "provider.key", "-out", directory / "provider.pem"],
                       check=True, capture_output=True)


def _stream() -> str:
    image = base64.b64encode(png(padding=PREVIEW * 3 // 4)).decode()
    about = {"b64_json": image, "created_at": 1700000000, "size": "1024x1024", "quality": "high",
             "background": "opaque", "output_format": "png"}
    events = [("image_generation.partial_image", {**about, "partial_image_index": number}) for number in range(PARTIALS)]
    usage = {"input_tokens": 10, "output_tokens": 200, "total_tokens": 210}
    events.append(("image_generation.completed", {**about, "usage": usage}))
    return "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data}, separators=(',', ':'))}\n\n"
                   for name, data in events)
