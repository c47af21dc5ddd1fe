"""nginx as one process under valgrind's callgrind: what requests cost in user-mode instructions, allocations and
system calls. Other load of the machine does not influence these counts."""

import contextlib
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from harness import environment
from harness.configuration import Configuration
from ports import free_port

STARTING = 60  # seconds
ALLOCATING = ("malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OPENAI_API_KEY": "sk-test-openai"}


class Cost(NamedTuple):
    instructions: float
    allocations: float
    system_calls: float


def least(costs) -> Cost:
    """The minimum of each count, because disturbances such as timers only add to it."""
    return Cost(*map(min, zip(*costs)))


def read_dump(path: Path) -> Cost:
    """A name stands in full once, "(7) malloc", and then as its number alone. Calls follow the name of who is called."""
    names, allocations, callee, counts = {}, Counter(), "", {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.rstrip("\n").partition("=")[2].partition(" ")
                if name:
                    names[number] = name
                if line.startswith("cfn="):
                    callee = names[number]
            elif line.startswith("calls=") and callee in ALLOCATING:
                allocations[callee] += int(line[len("calls="):].split()[0])
            elif line.startswith("events:"):
                events = line.split()[1:]
            elif line.startswith("totals:"):
                counts = dict(zip(events, map(int, line.split()[1:])))
    return Cost(counts["Ir"], sum(allocations.values()), counts["sysCount"])


class Nginx:
    """Runs until the context ends; `take()` returns the cost since the last call."""

    def __init__(self, directory: Path, **parts):
        self.port = free_port()
        self._directory = directory
        conf = Configuration(master=False, log_level="error", **parts).text(directory, self.port)
        (directory / "nginx.conf").write_text(conf)
        slow_clock = directory / "slow_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", slow_clock, Path(__file__).with_name("slow_clock.c")], check=True)
        with open(directory / "output", "wb") as output:
            self._process = subprocess.Popen(
                ["valgrind", "--tool=callgrind", "--collect-systime=yes", f"--callgrind-out-file={directory}/dump",
                 environment.nginx(), "-p", f"{directory}/", "-c", f"{directory}/nginx.conf", "-e",
                 f"{directory}/error.log"],
                env={**ENVIRONMENT, "LD_PRELOAD": str(slow_clock)}, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory,
                start_new_session=True)
        try:
            self._wait_for_listener()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(STARTING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def take(self) -> Cost:
        subprocess.run(["vgdb", f"--pid={self._process.pid}", "dump"], check=True, timeout=STARTING,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        dump, = self._directory.glob("dump.*")
        cost = read_dump(dump)
        dump.unlink()
        return cost

    def _wait_for_listener(self):
        end = time.monotonic() + STARTING
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise AssertionError(f"nginx did not start:\n{(self._directory / 'output').read_text()[-3000:]}")
