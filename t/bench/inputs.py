#!/usr/bin/env python3
"""What input images cost in memory: a worker's while it passes large ones on, and for each client that uploads slowly.

The provider reads everything and answers at once. The peak is looked at every few milliseconds.

    ./build.sh bench [--quick] [--check]
"""

import json
import socket
import sys
import threading
import time

from _bench import Servers, answer_with, free_port, main, png, private_bytes, workers_of

MB = 1024 * 1024
ALLOWED_ABOVE = 2 * MB  # of the peak with many large images above that with one small one
ALLOWED_EACH = 64 * 1024  # for a client that uploads slowly
SLOW = 64
LIMITS = "image_gateway; image_gateway_auth off; image_gateway_input_max 30m count=16 total=400m; client_max_body_size 400m;"


class Reader:
    """A provider that reads requests of any size, and answers each with a small image."""

    def __init__(self, port: int):
        body = answer_with(png()).encode()
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
            len(body), body)
        self._server = socket.create_server(("127.0.0.1", port), backlog=64)
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        left, buffer = length - len(rest), bytearray(MB)
        while left > 0:
            left -= connection.recv_into(buffer) or sys.exit("the gateway broke off")
        self.received += length
        connection.sendall(self._answer)
        connection.close()


class Peak:
    """The most private memory that a process has had since it began."""

    def __init__(self, pid: int):
        self.bytes, self._pid, self._ended = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self):
        while not self._ended.wait(0.003):
            self.bytes = max(self.bytes, private_bytes(self._pid))

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self.bytes


def head_of(length: int) -> bytes:
    return (b"POST /images/edits HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\n\r\n" % length)


def parts_of(count: int, image: bytes):
    """The pieces of a form, so that the client does not hold them all either."""
    for name, text in (("model", b"p/gpt-image-2"), ("prompt", b"dunes")):
        yield b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), text)
    for _ in range(count):
        yield b'--b\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        yield image
        yield b"\r\n"
    yield b"--b--\r\n"


def edit(port: int, count: int, image: bytes):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head_of(sum(map(len, parts_of(count, image)))))
        for piece in parts_of(count, image):
            connection.sendall(piece)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"the edit failed: {answer[:400]!r} {json.dumps(count)}")


def peak_of(module, count: int, image: bytes) -> int:
    with Servers(module) as servers:
        mock, front = free_port(), free_port()
        provider = Reader(mock)
        http = servers.provider("p", mock) + f"server {{ listen 127.0.0.1:{front}; location / {{ {LIMITS} }} }}"
        worker, = workers_of(servers.front(http, front))
        edit(front, 1, png())
        peak = Peak(worker)
        for _ in range(3):
            edit(front, count, image)
        if provider.received < 3 * count * len(image):
            sys.exit("the provider has not got all of it")
        return peak.end()


def slow_uploads(module) -> int:
    """Bytes for each of the clients that have sent half of a large image."""
    with Servers(module) as servers:
        mock, front = free_port(), free_port()
        Reader(mock)
        http = servers.provider("p", mock) + f"server {{ listen 127.0.0.1:{front}; location / {{ {LIMITS} }} }}"
        worker, = workers_of(servers.front(http, front))
        edit(front, 1, png())
        before = private_bytes(worker)
        image = png(padding=2 * MB)
        clients = []
        for _ in range(SLOW):
            connection = socket.create_connection(("127.0.0.1", front))
            body = b"".join(parts_of(1, image))
            connection.sendall(head_of(len(body)) + body[:len(body) // 2])
            clients.append(connection)
        time.sleep(1)
        used = (private_bytes(worker) - before) // SLOW
        for connection in clients:
            connection.close()
        return used


def measure(module, quick) -> bool:
    large = png(padding=20 * MB)
    one, many = peak_of(module, 1, png(padding=MB)), peak_of(module, 4 if quick else 16, large)
    each = slow_uploads(module)
    met = many - one <= ALLOWED_ABOVE and each <= ALLOWED_EACH
    print("memory of a worker while it passes input images on")
    print(f"peak with one of 1 MB {one / MB:5.1f} MB, with {4 if quick else 16} of 20 MB {many / MB:5.1f} MB "
          f"(allowed {ALLOWED_ABOVE / MB:.0f} MB more); {each / 1024:5.1f} KB for each of {SLOW} slow uploads "
          f"(allowed {ALLOWED_EACH / 1024:.0f}): {'met' if met else 'NOT MET'}\n")
    return met


if __name__ == "__main__":
    main(measure, "four images instead of sixteen")
