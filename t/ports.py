"""Ports for servers that bind later: no other process of the tests is given the same, and the kernel gives them to nobody.

A port that was found free by binding 0 lies among those that the kernel chooses for outgoing connections, and may have gone to one of
them when nginx binds it. So these are taken from outside of that range, and each process has a block of them for as long as it lives."""

import fcntl
import itertools
import os
import socket
import tempfile
from functools import lru_cache
from pathlib import Path

BLOCK = 128
LOWEST, HIGHEST = 10240, 65535


def free_port() -> int:
    """The next port of this process's block that nobody listens on."""
    ports = _ports()
    for _ in range(BLOCK):
        port = next(ports)
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue
    raise OSError(f"all {BLOCK} ports below {port} are in use")


@lru_cache
def _ports():
    return itertools.cycle(_claim_block(_range_of_ours()))


def _range_of_ours() -> range:
    """The larger of what is left below and above the kernel's own range; where that is everything, everything."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ours = max(range(LOWEST, first), range(last + 1, HIGHEST + 1), key=len)
    return ours if len(ours) >= 8 * BLOCK else range(LOWEST, HIGHEST + 1)


def _claim_block(ports: range) -> range:
    """A file for each block, locked by the process that has it; the lock goes with the process."""
    directory = Path(tempfile.gettempdir()) / f"image-gateway-ports-{os.geteuid()}"
    directory.mkdir(exist_ok=True)
    for first in ports[:-BLOCK:BLOCK]:
        lock = os.open(directory / str(first), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return range(first, first + BLOCK)
        except OSError:
            os.close(lock)
    raise OSError(f"other processes hold all ports of {ports}")
