"""What the benchmarks share: a mock provider and a gateway before it, their configurations, clients and loads."""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "t"))

from ports import free_port  # noqa: E402

STARTING = 10  # seconds
PROMPT = "a red kite over dunes"

MAIN_CONF = """
{user}
{load}
worker_processes {workers};
pid {dir}/{name}.pid;
error_log {dir}/{name}.log {level};
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type application/json;
    types {{ application/json json; }}
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10;
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    {http}
}}
"""

WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{body}'
{headers}
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
                           latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end
"""


# The program


def main(measure, quick: str):
    """Runs measure(module, quick), which prints and says whether all is as it is wanted, with the options of all benchmarks."""
    about = sys.modules["__main__"].__doc__.splitlines()[0]
    arguments = argparse.ArgumentParser(description=about)
    arguments.add_argument("--quick", action="store_true", help=quick)
    arguments.add_argument("--check", action="store_true", help="fail when a target is not met")
    options = arguments.parse_args()
    module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
    met = measure(module, options.quick)
    sys.exit(1 if options.check and not met else 0)


# Images and answers of a provider


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, padding: int = 0) -> bytes:
    """Of noise, which does not compress: 3 bytes for each pixel. So many bytes of padding come to it."""
    rows = b"".join(b"\0" + os.urandom(3 * width) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1))
            + (chunk(b"paDd", bytes(padding)) if padding else b"") + chunk(b"IEND", b""))


def answer_with(image: bytes) -> str:
    data = [{"b64_json": base64.b64encode(image).decode()}]
    return json.dumps({"created": 1700000000, "data": data}, separators=(",", ":"))


# Servers


class Servers:
    """nginx's processes in a directory of their own, which is gone with them."""

    def __init__(self, module: pathlib.Path):
        self.module, self._running = module, contextlib.ExitStack()
        self.directory = pathlib.Path(self._running.enter_context(tempfile.TemporaryDirectory()))
        (self.directory / "answers").mkdir()
        (self.directory / "key").write_text("sk-mock\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._running.close()

    def mock(self, locations: str, answers: dict) -> int:
        """A server with these locations and, below its root, answers by their name. Its port."""
        for name, answer in answers.items():
            (self.directory / "answers" / name).write_text(answer)
        port = free_port()
        self.nginx("mock", f"server {{ listen 127.0.0.1:{port}; root {self.directory}/answers; {locations} }}", port)
        return port

    def front(self, http: str, port: int, load: bool = True, workers: int = 1, level: str = "error") -> subprocess.Popen:
        return self.nginx("front", http, port, f"load_module {self.module};" if load else "", workers, level)

    def nginx(self, name, http, port, load="", workers=1, level="error") -> subprocess.Popen:
        """Returns when it listens on this port."""
        command = self.command(name, http, load, workers, level)
        process = self._running.enter_context(_nginx(command, self.directory / f"{name}.log"))
        _wait_for(port, process)
        return process

    def command(self, name, http, load="", workers=1, level="error") -> list:
        """What starts an nginx with this configuration, which is written to a file of that name."""
        # the directory belongs to us alone: workers of another user could not read it
        user = "user root;" if os.geteuid() == 0 else ""
        path = self.directory / f"{name}.conf"
        path.write_text(MAIN_CONF.format(dir=self.directory, name=name, http=http, load=load, workers=workers,
                                         level=level, user=user))
        return [os.environ.get("NGINX") or shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"),
                "-e", "stderr", "-p", str(self.directory), "-c", str(path), "-g", "daemon off;"]

    def provider(self, name: str, port: int, path: str = "", more: str = "") -> str:
        """An image_provider block whose address is this port and path."""
        return (f"image_provider {name} {{ api openai; url http://127.0.0.1:{port}{path}/v1; "
                f"key file:{self.directory}/key; {more} }}\n")


def stored(path: str, answer: str) -> str:
    """A location that answers each POST with this file: a static file answers GET only, and after this inner redirect
    the request is one."""
    return f"location {path} {{ error_page 405 =200 /{answer}; return 405; }}\n"


@contextlib.contextmanager
def _nginx(command, log):
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        if log.exists() and log.stat().st_size:
            sys.stderr.write(f"---- the end of {log.name}:\n{log.read_text()[-2000:]}")


def _wait_for(port, process):
    deadline = time.monotonic() + STARTING
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit("nginx did not start; it says why above.")


# What /proc knows about workers


def workers_of(process, number: int = 1) -> list:
    """All children are workers; they listen before all of them are there."""
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if len(children) == number:
            return [int(child) for child in children]
        time.sleep(0.05)
    sys.exit(f"nginx has {len(children)} processes instead of {number} workers")


def cpu_seconds(pid: int) -> tuple:
    """In user mode, and in the kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return tuple(int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13])


def private_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


# Clients


def request_for(model: str, **fields) -> str:
    return json.dumps({"model": model, "prompt": PROMPT, **fields}, separators=(",", ":"))


def send(port: int, model: str, receive_buffer: int = 0) -> socket.socket:
    """A client that has sent its request."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", port))
    body = request_for(model)
    connection.sendall((f"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


class LoadFailed(SystemExit):
    """Not all answers were successes. It ends the benchmark, unless that goes on without this load."""


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    median: float  # milliseconds
    slowest: float  # milliseconds, of 99 in 100


def load(url: str, body: str, connections: int, seconds: int, directory: pathlib.Path, headers: dict = None) -> Load:
    """wrk posts the body as fast as it is answered. One answer that is no success ends the benchmark."""
    lines = "\n".join(f'wrk.headers["{name}"] = {json.dumps(value)}' for name, value in
                      {"Content-Type": "application/json", **(headers or {})}.items())
    script = directory / "load.lua"
    script.write_text(WRK_SCRIPT.format(body=body, headers=lines))
    wrk = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url],
                         capture_output=True, text=True, timeout=seconds + 60, check=False)
    result = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$", wrk.stdout, re.M)
    if not result:
        raise LoadFailed(f"wrk failed: {wrk.stdout}{wrk.stderr}")
    requests, duration, median, slowest, failed = map(int, result.groups())
    if failed or not requests:
        raise LoadFailed(f"{url}: of {requests} requests {failed} failed")
    return Load(requests, duration / 1e6, median / 1000, slowest / 1000)
