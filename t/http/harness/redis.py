"""A redis-server on loopback that a test starts and ends, and a small client of it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from fakes.server import note_port
from ports import free_port

from .gateway import new_directory, until

STARTING = 10


class RedisError(Exception):
    pass


class RedisClient:
    """One connection: client("SET", "a", 1). Errors are exceptions."""

    def __init__(self, port: int, password: str = ""):
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._file = self._socket.makefile("rb")
        if password:
            self("AUTH", password)

    def __call__(self, *arguments):
        self.send(*arguments)
        return self.reply()

    def send(self, *arguments):
        parts = [argument if isinstance(argument, bytes) else str(argument).encode() for argument in arguments]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def reply(self):
        line = self._file.readline()
        if not line:
            raise RedisError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest.decode()
        count = int(rest)
        if count < 0:
            return None
        if kind == b"*":
            return [self.reply() for _ in range(count)]
        return self._file.read(count + 2)[:-2].decode("latin1")

    def close(self):
        self._file.close()
        self._socket.close()


class Redis:
    """Keeps its port and directory over `stop` and `start`. `options`: further ones of redis-server."""

    def __init__(self, *options, password: str = "", tls=None):
        self.directory: Path = new_directory()
        self.port = free_port()
        note_port(self.port)
        self.password = password
        self.socket = self.directory / "redis.sock"
        self._options = [*options, "--requirepass", password] if password else [*options]
        if tls:
            certificate, key, ca = tls
            self.tls_port = free_port()
            note_port(self.tls_port)
            self._options += ["--tls-port", self.tls_port, "--tls-cert-file", certificate, "--tls-key-file", key,
                              "--tls-ca-cert-file", ca, "--tls-auth-clients", "optional"]
        self._process = None
        self.start()

    def start(self):
        # Debian's redis-tools has the server's program under this name; the package redis-server would start one.
        program = shutil.which("redis-check-rdb")
        command = ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", self.directory,
                   "--save", "", "--unixsocket", self.socket, "--unixsocketperm", "777", *self._options]
        with open(self.directory / "log", "ab") as log:
            self._process = subprocess.Popen([str(part) for part in command], executable=program, stdout=log, stderr=log)
        if not until(self._answers, STARTING):
            raise AssertionError(f"redis-server did not start:\n{(self.directory / 'log').read_text()}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def _answers(self) -> bool:
        try:
            client = self.client()
            answer = client("PING")
            client.close()
            return answer == "PONG"
        except (OSError, RedisError):
            return False

    def client(self) -> RedisClient:
        return RedisClient(self.port, self.password)

    def __call__(self, *arguments):
        client = self.client()
        try:
            return client(*arguments)
        finally:
            client.close()

    def stop(self, number=signal.SIGKILL):
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
            self._process.wait(10)

    def finish(self):
        self.stop()
        shutil.rmtree(self.directory)

    def address(self, host="127.0.0.1") -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}{host}:{self.port}/0"

    def wait_open(self, lease: float):
        """A server that has just started grants nothing before a lease has passed since it was first asked."""
        until(lambda: self("HGET", "ig:server", "open"), STARTING)
        left = int(self("HGET", "ig:server", "open")) / 1000 - time.time()
        time.sleep(max(0, left) + 0.05)
        assert left <= lease
