"""What /proc knows about nginx's processes: children, titles, descriptors."""

import ctypes
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

LISTEN = "0A"


@dataclass(frozen=True)
class TcpSocket:
    local_port: int
    remote_port: int
    state: str


@dataclass(frozen=True)
class Descriptor:
    """An open file of a process; `tcp` if it is a connected or listening TCP socket that the kernel still knows."""

    number: int
    target: str
    tcp: Optional[TcpSocket] = None

    @property
    def kind(self) -> str:
        """What it is, without its number: equal for descriptors that do the same work."""
        if self.tcp:
            return f"TCP socket {self.tcp.local_port}->{self.tcp.remote_port}"
        return "socket" if self.target.startswith("socket:") else self.target


PR_SET_CHILD_SUBREAPER = 36


def is_running(pid: int) -> bool:
    """Not a zombie, which nobody has waited for."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def adopt_orphans():
    """From now on, processes of ours whose parents have left are our children."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class Adopted:
    """A child that another process started: as much of subprocess.Popen as a gateway needs."""

    def __init__(self, pid: int):
        self.pid, self._code = pid, None

    def poll(self):
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float = 60) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("nginx", timeout)
            time.sleep(0.01)
        return self._code

    def terminate(self):
        os.kill(self.pid, 15)


def children(pid: int) -> list:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry))
    return sorted(found)


def title(pid: int) -> str:
    """nginx's title of a process, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def serving_workers(master: int) -> list:
    """Workers that have finished starting and have not begun to leave: the title is set between the two."""
    return [pid for pid in children(master) if title(pid) == "nginx: worker process"]


def private_memory(pid: int) -> int:
    """Bytes of a process that are in memory and nobody else's."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def processor_wait(thread: str) -> float:
    """For how many seconds a thread ("thread-self", "PID/task/TID") was ready to run while others had the processors."""
    return int(Path(f"/proc/{thread}/schedstat").read_text().split()[1]) / 1e9


def descriptors(pid: int) -> list:
    """Open descriptors of a process, [] if it is gone."""
    while True:
        before = _links(pid)
        sockets = _tcp_sockets()
        if _links(pid) == before:  # so that the two tables describe the same moment
            return [Descriptor(number, target, sockets.get(target)) for number, target in before]


def counted(found, ignored_ports=()) -> Counter:
    """How many of each kind, without connections to the given remote ports."""
    return Counter(one.kind for one in found
                   if not (one.tcp and one.tcp.state != LISTEN and one.tcp.remote_port in ignored_ports))


def _links(pid):
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append((int(name), os.readlink(f"/proc/{pid}/fd/{name}")))
            except FileNotFoundError:
                pass
    except FileNotFoundError:
        return []
    return sorted(found)


def _tcp_sockets():
    sockets = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for row in rows:
            fields = row.split()
            ports = [int(address.rpartition(":")[2], 16) for address in fields[1:3]]
            sockets[f"socket:[{fields[9]}]"] = TcpSocket(*ports, fields[3])
    return sockets
