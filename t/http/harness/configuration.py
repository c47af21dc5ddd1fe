"""The nginx.conf that a test's parts are put into."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from . import environment

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
ACCESS_FORMAT = "$status $request_method $uri $request_time"


def with_usual_http(fake, more: str) -> str:
    """What environment variables say about all providers, unless `more` speaks of it itself."""
    http = os.environ.get("PROVIDER_HTTP")
    if http and "http " not in more:
        more += f" http {http};"
    if fake.url.startswith("https://") and "ca " not in more and environment.usual_ca():
        more += f" ca {environment.usual_ca()};"
    return more


def provider(name: str, fake, more: str = "", api: str = "openai", key: Optional[str] = "env:OPENAI_API_KEY") -> str:
    """An image_provider block that leads to a fake. `more` adds directives; `key=None` leaves the key to `more`.

    One failure is one attempt and closes nobody out, unless `more` speaks of `retry` or `breaker` itself."""
    key = f"key {key};" if key else ""
    more = with_usual_http(fake, more)
    plain = "".join(f"{rules} off; " for rules in ("retry", "breaker") if f"{rules} " not in more)
    return f"image_provider {name} {{ api {api}; url {fake.url}; {key} {plain}{more} }}\n"


def openai_as_auto(fake, more: str = "") -> str:
    """A provider with all that it does by default, and the alias "auto" for a model of it."""
    more = with_usual_http(fake, more)
    return (f"image_provider openai {{ api openai; url {fake.url}; key env:OPENAI_API_KEY; {more} }}\n"
            "image_model auto openai/gpt-image-2;\n")


@dataclass(frozen=True)
class Configuration:
    location: Optional[str] = None
    http: str = ""
    server: str = ""
    main: str = ""
    events: str = ""
    extra_locations: str = ""
    location_path: str = "/v1/"
    workers: int = 1
    master: bool = True
    daemon: bool = False  # as an upgrade of the binary needs it
    log_level: str = "info"
    access_format: str = ACCESS_FORMAT
    load_module: bool = True
    tls: Optional[tuple] = None
    listen: str = ""

    def changed(self, **parts) -> "Configuration":
        return replace(self, **parts)

    def text(self, directory: Path, port: int) -> str:
        location = self.location
        if location is None:
            location = "image_gateway; image_gateway_auth off;" if self.load_module else 'return 200 "ok\\n";'
        return "\n".join((
            f"load_module {environment.module()};" if self.load_module else "",
            f"user {environment.worker_user()} {environment.worker_group()};" if environment.worker_user() else "",
            f"daemon {'on' if self.daemon else 'off'};",
            f"master_process {'on' if self.master else 'off'};",
            f"worker_processes {self.workers};",
            f"pid {directory}/nginx.pid;",
            f"error_log {directory}/error.log {self.log_level};",
            self.main,
            "events {", self.events, "}",
            "http {",
            f"log_format harness '{self.access_format}';",
            f"access_log {directory}/access.log harness;",
            *self._temporary_paths(directory),
            self.http,
            "server {",
            f"listen 127.0.0.1:{port} {'ssl ' if self.tls else ''}{self.listen};",
            "server_name localhost;",
            f"ssl_certificate {self.tls[0]}; ssl_certificate_key {self.tls[1]};" if self.tls else "",
            self.server,
            f"location {self.location_path} {{", location, "}",
            self.extra_locations,
            "}", "}", ""))

    @staticmethod
    def _temporary_paths(directory):
        built = environment.build_arguments()
        return [f"{name}_temp_path {directory}/{name};" for name in TEMPORARY if f"--without-http_{name}_" not in built]
