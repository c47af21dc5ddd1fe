"""A plain HTTP client, and a raw one for what a plain client refuses to do."""

import http.client
import json as json_module
import socket
import ssl
import struct
import threading
from concurrent.futures import Future
from urllib.parse import urlsplit

from . import described


class Content:
    """What can be read out of a `body`."""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json_module.loads(self.body)


class Response(Content):
    """`headers` is case-insensitive; `headers.get_all(name)` gives every value."""

    def __init__(self, reply: http.client.HTTPResponse):
        self.status = reply.status
        self.reason = reply.reason
        self.headers = reply.headers
        self.body = reply.read()

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def call(url: str, method: str = "GET", body=None, headers=(), timeout: float = 30, json=None) -> Response:
    """One request on a connection of its own. `headers` is a dict or, to repeat a name, a list of pairs.

    Host, and Content-Length where there is a body, are added unless given. Certificates are not checked."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    headers = list(headers.items() if hasattr(headers, "items") else headers)
    if json is not None:
        body = json_module.dumps(json)
    if isinstance(body, str):
        body = body.encode()
    names = {name.lower() for name, _ in headers}
    if json is not None and "content-type" not in names:
        headers.append(("Content-Type", "application/json"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        headers.append(("Content-Length", str(len(body))))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, str(value))
        try:
            connection.endheaders(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered before it had read everything; the answer may be there all the same
        response = Response(connection.getresponse())
    finally:
        connection.close()
    described.check(parts.path, response.status, response.headers, response.body)
    return response


def form(parts, boundary: str = "a-boundary") -> tuple:
    """A Content-Type and a body of multipart/form-data: pairs of name and text, or bytes for a file."""
    body = b""
    for name, content in parts:
        is_file = isinstance(content, bytes)
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += b'; filename="blob"\r\nContent-Type: application/octet-stream' if is_file else b""
        body += b"\r\n\r\n" + (content if is_file else content.encode()) + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


class RawConnection:
    """A socket to the server for hostile and impatient clients. Use it as a context manager or close it."""

    def __init__(self, port: int, timeout: float = 30, receive_buffer: int = 0, tls: bool = False):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)

    def send(self, data) -> "RawConnection":
        self.socket.sendall(data.encode() if isinstance(data, str) else data)
        return self

    def post(self, path: str, body, headers=(), promised=None) -> "RawConnection":
        """Sends a POST of JSON (or bytes). `promised`: another Content-Length than the true one."""
        body = body if isinstance(body, bytes) else json_module.dumps(body).encode()
        headers = dict(headers)
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
                 f"Content-Length: {len(body) if promised is None else promised}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def receive(self, most: int = 65536) -> bytes:
        """Some bytes, or b"" if the server has closed."""
        return self.socket.recv(most)

    def receive_until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            more = self.receive()
            if not more:
                raise AssertionError(f"the server closed before {mark!r}: {data[-300:]!r}")
            data += more
        return data

    def receive_all(self) -> bytes:
        """Everything until the server closes."""
        return b"".join(iter(self.receive, b""))

    def response(self, method: str = "POST") -> Response:
        """The next whole answer; the connection stays usable if the server keeps it open."""
        reply = http.client.HTTPResponse(self.socket, method=method)
        reply.begin()
        return Response(reply)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def background(function, *arguments, **named) -> Future:
    """Runs it in a thread; `.result(timeout)` gives what it returned."""
    future = Future()

    def run():
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def together(count: int, function, *arguments, timeout: float = 60, **named) -> list:
    """Runs it so many times at once and returns all results."""
    futures = [background(function, *arguments, **named) for _ in range(count)]
    return [future.result(timeout) for future in futures]
