"""Lets one allocation of a worker fail: `memory = FailingMemory(directory)`, nginx with `env=memory.variables`."""

import mmap
import os
import struct
import subprocess
from pathlib import Path

from . import environment

LEFT, FAILED, PROCESS = 0, 8, 16
NEVER = 1 << 40


class FailingMemory:
    def __init__(self, directory: Path):
        self._library = directory / "fail_allocations.so"
        subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", f"-I{environment.PROJECT}/t", "-o", str(self._library),
                        str(Path(__file__).with_name("fail_allocations.cc"))], check=True)
        control = directory / "allocations"
        control.write_bytes(bytes(24))
        control.chmod(0o666)
        with open(control, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 24)
        sanitizers = os.environ.get("SANITIZER_PRELOAD", "")
        self.variables = {"FAIL_ALLOCATIONS": str(control),
                          "LD_PRELOAD": ":".join(filter(None, (str(self._library), sanitizers)))}
        if sanitizers:
            self.variables["ASAN_OPTIONS"] = (f"detect_leaks=0:abort_on_error=0:exitcode=99:log_path={directory}/asan:"
                                              "verify_asan_link_order=0")

    def watch(self, pid: int):
        """Only this process's allocations are counted."""
        self._set(PROCESS, pid)

    def count(self, action) -> int:
        """How many allocations the action takes."""
        self._set(LEFT, NEVER)
        action()
        return NEVER - self._get(LEFT)

    def fail(self, number: int, action):
        """What the action returns while the allocation of this number fails; and whether there was one."""
        before = self._get(FAILED)
        self._set(LEFT, number)
        try:
            return action(), self._get(FAILED) > before
        finally:
            self._set(LEFT, 0)

    def _get(self, place: int) -> int:
        return struct.unpack_from("q", self._map, place)[0]

    def _set(self, place: int, value: int):
        struct.pack_into("q", self._map, place, value)
