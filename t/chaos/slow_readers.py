#!/usr/bin/env python3
"""Clients that read their images slowly: the worker's peak memory, and its memory after they have left."""

import contextlib
import os
import socket
import time

from _chaos import Promises, options
from fakes.openai import OpenAI
from fakes.server import ports_of_fakes
from harness import Configuration, Gateway, provider
from harness.gateway import until

MB = 1_000_000
IMAGE = 4 * MB
BUFFER = 256 * 1024  # further bytes for each call
OPEN = "image_gateway; image_gateway_auth off; image_gateway_answer_max 8m;"


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as line:
        return int(line.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def begin(port: int) -> socket.socket:
    """Sends a request and does not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.connect(("127.0.0.1", port))
    body = b'{"prompt": "a red kite", "model": "p/gpt-image-2"}'
    connection.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    return connection


def main():
    quick = options(__doc__).quick
    count, limit = (40, 20) if quick else (200, 100)  # readers, MB
    seconds, patience = (8, 10) if quick else (30, 60)
    promises = Promises()
    with OpenAI(image_bytes=IMAGE) as fake:
        conf = Configuration(location=OPEN, http=provider("p", fake) + f"image_gateway_memory {limit}m;")
        gateway = Gateway(conf, {"OPENAI_API_KEY": "sk-test-openai"}, ports_of_fakes)
        try:
            worker, = gateway.worker_pids()
            with contextlib.closing(begin(gateway.port)) as first:  # memory that the first request allocates stays
                first.settimeout(60)
                received = 0
                while received < IMAGE:
                    received += len(first.recv(65536))
            before = resident(worker)
            readers = [begin(gateway.port) for _ in range(count)]
            most, end = 0, time.monotonic() + seconds
            while time.monotonic() < end:
                most = max(most, resident(worker) - before)
                time.sleep(0.05)
            served = len(fake.work) - 1
            for reader in readers:
                reader.close()
            until(lambda: resident(worker) - before < 10 * MB, patience, 0.2)
            after = resident(worker) - before
        finally:
            with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):
                gateway.finish()
    allowed = limit * 1024 * 1024 * 1.1 + served * BUFFER
    promises.check(most <= allowed, f"{most / MB:.0f} MB held, {allowed / MB:.0f} MB allowed")
    promises.check(after <= max(10 * MB, 0.1 * limit * MB), f"{after / MB:.0f} MB stay {patience} s after all have left")
    promises.end(f"slow_readers: {count} of {IMAGE // MB} MB with image_gateway_memory {limit}m: {served} were asked for, at most "
                 f"{most / MB:.0f} MB held, {after / MB:.0f} MB stay after all have left")


if __name__ == "__main__":
    main()
