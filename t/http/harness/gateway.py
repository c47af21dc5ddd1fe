"""A running nginx with a test's configuration, and what a test wants to ask of it and about it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ports import free_port

from . import checks, environment, processes
from .client import RawConnection, Response, call, form
from .configuration import Configuration

STARTING = 30  # seconds; sanitizers are slow
LEAVING = 15
SETTLING = 3


class NginxTest(NamedTuple):
    ok: bool
    output: str


class NotStarted(Exception):
    pass


def new_directory() -> Path:
    """A directory that workers may read and write, whoever they are."""
    directory = Path(tempfile.mkdtemp(prefix="image-gateway-"))
    environment.give_to_workers(directory)
    directory.chmod(0o755)
    return directory


def until(condition, timeout: float, pause: float = 0.01):
    """Waits for a true value and returns it; the last value if the time is up."""
    end = time.monotonic() + timeout
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(pause)
    return value


def run_nginx_test(configuration: Configuration, variables: dict) -> NginxTest:
    """nginx -t."""
    directory = new_directory()
    try:
        (directory / "nginx.conf").write_text(configuration.text(directory, free_port()))
        done = subprocess.run(_command(directory) + ["-t"], env=environment.variables(variables, directory),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=STARTING)
        return NginxTest(done.returncode == 0, done.stdout)
    finally:
        shutil.rmtree(directory)


def _command(directory: Path) -> list:
    return [environment.nginx(), "-p", f"{directory}/", "-c", f"{directory}/nginx.conf", "-e", f"{directory}/error.log"]


class Gateway:
    """Started by its constructor. `ignored_ports()`: remote ports whose connections are no leaks."""

    def __init__(self, configuration: Configuration, variables: dict, ignored_ports=lambda: ()):
        self.configuration = configuration
        self.directory = new_directory()
        self._variables = environment.variables(variables, self.directory)
        self._ignored_ports = ignored_ports
        self._allowed, self._raw, self._baselines = [], [], {}
        self._worker_change_allowed = self._crashed = False
        self._process = None
        self._start()

    # Asking

    @property
    def url(self) -> str:
        return f"{'https' if self.configuration.tls else 'http'}://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body=None, headers=(), timeout: float = 30) -> Response:
        return call(self.url + path, method, body, headers, timeout)

    def get(self, path: str, headers=(), timeout: float = 30) -> Response:
        return call(self.url + path, "GET", None, headers, timeout)

    def post(self, path: str, json=None, headers=(), body=None, timeout: float = 30) -> Response:
        return call(self.url + path, "POST", body, headers, timeout, json)

    def generate(self, headers=(), timeout: float = 30, path: str = "/v1/images/generations", **fields) -> Response:
        """POST of {"prompt": "a red kite"} and these fields."""
        return self.post(path, {"prompt": "a red kite", **fields}, headers, timeout=timeout)

    def edit(self, files, headers=(), timeout: float = 30, path: str = "/v1/images/edits", **fields) -> Response:
        """POST of a form with these files, pairs of name and content, and {"prompt": "a red kite"} and these fields."""
        fields = {"prompt": "a red kite", **fields}
        content_type, body = form([*files, *((name, str(value)) for name, value in fields.items() if value is not None)])
        return self.post(path, None, {"Content-Type": content_type, **dict(headers)}, body, timeout)

    def connect(self, timeout: float = 30, receive_buffer: int = 0) -> RawConnection:
        """A raw connection; closed at the test's end if it is still open."""
        raw = RawConnection(self.port, timeout, receive_buffer, bool(self.configuration.tls))
        self._raw.append(raw)
        return raw

    # Reading

    def error_log(self) -> str:
        return (self.directory / "error.log").read_text(errors="replace")

    def log_lines(self, level: str) -> list:
        return [line for line in self.error_log().splitlines() if f"[{level}]" in line.split(": ")[0]]

    def access_log(self, count: int = 0, timeout: float = 5) -> list:
        """Lines of the access log, once there are `count`. nginx writes a line after the client has the answer."""
        path = self.directory / "access.log"
        lines = until(lambda: len(found := path.read_text().splitlines()) >= count and [found], timeout)
        if not lines:
            raise AssertionError(f"the access log has not come to {count} lines:\n{path.read_text()}")
        return lines[0]

    def wait_log(self, expression: str, timeout: float = 5):
        """Waits until error.log matches, and returns the match."""
        found = until(lambda: re.search(expression, self.error_log(), re.MULTILINE), timeout)
        if not found:
            raise AssertionError(f"error.log has no /{expression}/ after {timeout} s:\n{self.error_log()[-3000:]}")
        return found

    # The processes

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def worker_pids(self) -> list:
        """Workers that serve; without a master the one process itself."""
        if not self.configuration.master:
            return [self.pid] if self.running else []
        return processes.serving_workers(self.pid)

    def descriptors(self, pid: int) -> list:
        return processes.descriptors(pid)

    def upstream_connections(self) -> list:
        """Descriptors of the workers that are connections to fakes."""
        ports = self._ignored_ports()
        return [one for pid in self.worker_pids() for one in self.descriptors(pid)
                if one.tcp and one.tcp.remote_port in ports]

    def take_baseline(self):
        """What the workers have open now is what they may have open at the end."""
        for pid in self.worker_pids():
            self._baselines[pid] = self._settled(pid)

    def wait_idle_descriptors(self, timeout: float = SETTLING):
        """Waits until every worker is back to what it had open at its start; fails if that does not happen."""
        problems = self._descriptor_problems(timeout)
        assert not problems, "\n".join(problems)

    def signal(self, number):
        os.kill(self.pid, number)

    def reload(self, **parts):
        """HUP, with changed parts of the configuration if given; returns when only new workers take requests.

        For a configuration that nginx refuses, use `write_configuration` and `signal(SIGHUP)`."""
        self.allow_worker_change()
        self.write_configuration(**parts)
        before = self.worker_pids()
        self.signal(signal.SIGHUP)

        def renewed():
            now = self.worker_pids()
            return (len(now) == self.configuration.workers and not set(now) & set(before)
                    and not any(self._listens(pid) for pid in before))

        if not until(renewed, STARTING):
            raise AssertionError(f"the workers were not renewed:\n{self.error_log()[-3000:]}")
        self.take_baseline()

    def upgrade(self):
        """USR2, and QUIT for the old binary once the new one serves beside it; returns when the old one has left.

        nginx must have been started with `daemon=True`."""
        self.allow_worker_change()
        old = self._process
        self.signal(signal.SIGUSR2)

        def young():
            """The new master, once its workers serve."""
            pid = int(self._read_pid() or old.pid)
            return pid if pid != old.pid and self._serves(pid) else None

        pid = until(young, STARTING)
        if not pid:
            raise AssertionError(f"the new binary did not start:\n{self.error_log()[-3000:]}")
        os.kill(old.pid, signal.SIGQUIT)
        old.wait(STARTING)
        self._process = processes.Adopted(pid)
        self.take_baseline()

    def write_configuration(self, **parts):
        """Writes nginx.conf anew with changed parts, without telling nginx."""
        self.configuration = self.configuration.changed(**parts)
        (self.directory / "nginx.conf").write_text(self.configuration.text(self.directory, self.port))

    def quit(self, wait: bool = True, timeout: float = LEAVING) -> int:
        """Graceful stop. Returns the exit code, if it waited."""
        self.signal(signal.SIGQUIT)
        return self._process.wait(timeout) if wait else None

    def crash(self):
        """Kills all of its processes at once with -9, and waits until they are gone."""
        self._crashed = True
        family = [self.pid, *processes.children(self.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(LEAVING)
        if not until(lambda: not any(processes.is_running(pid) for pid in family), LEAVING):
            raise AssertionError(f"of {family} some are still there")

    def wait_exit(self, timeout: float = LEAVING) -> int:
        return self._process.wait(timeout)

    # What this test does on purpose

    def allow_log(self, expression: str):
        """Lines of [alert], [emerg] or [crit] that match are expected."""
        self._allowed.append(expression)

    def allow_worker_change(self):
        self._worker_change_allowed = True

    def kill_worker(self, pid: int = 0) -> int:
        """By SIGKILL, which is expected then. Without a pid, the first worker; returns whose pid it was."""
        pid = pid or self.worker_pids()[0]
        self.allow_worker_change()
        self.allow_log("exited on signal 9")
        os.kill(pid, signal.SIGKILL)
        return pid

    # The end

    def finish(self) -> list:
        """Stops nginx and removes its directory; returns everything that is wrong."""
        for raw in self._raw:
            raw.close()
        problems = []
        if self.running:
            if not self._worker_change_allowed:
                problems += checks.worker_problems(self._first_workers, self.worker_pids())
            problems += self._descriptor_problems(SETTLING)
        problems += self._stop()
        log = self.error_log()
        log += self._unlogged(log)
        problems += checks.log_problems(log, self._allowed)
        problems += checks.sanitizer_problems(self.directory)
        print(f"error.log of {self.url}, its end:\n{log[-6000:]}")
        shutil.rmtree(self.directory)
        return problems

    def _stop(self) -> list:
        problems = []
        family = [self.pid, *processes.children(self.pid)]
        if self.running:
            self.signal(signal.SIGQUIT)
        try:
            code = self._process.wait(LEAVING)
            if code != 0 and not self._crashed:
                problems.append(f"nginx exited with {code}")
        except subprocess.TimeoutExpired:
            titles = [f"{pid} {processes.title(pid)}" for pid in family]
            problems.append(f"nginx did not leave within {LEAVING} s of QUIT: {titles}")
            self._kill(family)
        return problems

    def _kill(self, family):
        self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            for pid in family:
                if processes.title(pid).startswith("nginx: ") or pid == self.pid:
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _descriptor_problems(self, timeout) -> list:
        def found():
            ignored = self._ignored_ports()
            return [problem for pid in self.worker_pids() if pid in self._baselines for problem in
                    checks.descriptor_problems(pid, self._baselines[pid], self.descriptors(pid), ignored)]

        until(lambda: not found(), timeout, 0.02)
        return found()

    def _settled(self, pid):
        """Counted descriptors of a worker, once they stay the same: workers hand each other sockets at the start, and
        open the file of records on another thread."""
        def has_records():
            targets = [one.target for one in self.descriptors(pid)]
            return any(one.endswith(".records-wal") for one in targets)

        if "image_gateway_state" in self.configuration.text(self.directory, self.port):
            until(has_records, SETTLING)
        while True:
            first = processes.counted(self.descriptors(pid), self._ignored_ports())
            time.sleep(0.03)
            if processes.counted(self.descriptors(pid), self._ignored_ports()) == first:
                return first

    def _listens(self, pid) -> bool:
        return any(one.tcp and one.tcp.state == processes.LISTEN for one in self.descriptors(pid))

    # The start

    def _start(self):
        try:
            for _ in range(5):
                self.port = free_port()
                try:
                    self._start_once()
                    break
                except NotStarted as problem:
                    if "Address already in use" not in str(problem):
                        raise
                    (self.directory / "error.log").unlink()
            else:
                raise NotStarted("no port stayed free long enough")
            self._first_workers = self.worker_pids()
            self.take_baseline()
        except BaseException:
            if self.running:
                self._kill([self.pid, *processes.children(self.pid)])
            shutil.rmtree(self.directory)
            raise

    def _start_once(self):
        self.write_configuration()
        with open(self.directory / "output", "wb") as output:
            self._process = subprocess.Popen(_command(self.directory), env=self._variables, stdin=subprocess.DEVNULL,
                                             stdout=output, stderr=output, cwd=self.directory,
                                             start_new_session=True)
            if self.configuration.daemon:
                self._adopt_daemon()
        until(lambda: self._ready() or not self.running, STARTING)
        if not self.running:
            self._process.wait()
            raise NotStarted(f"nginx did not start:\n{self._standard_error()}")
        if not self._ready():
            raise NotStarted(f"nginx was not ready after {STARTING} s:\n{self.error_log()[-3000:]}")

    def _adopt_daemon(self):
        processes.adopt_orphans()
        if self._process.wait(STARTING) == 0 and until(self._read_pid, STARTING):
            self._process = processes.Adopted(int(self._read_pid()))

    def _ready(self) -> bool:
        """nginx listens before it writes its pid; a worker's event loop has begun when its epoll is there."""
        return self._read_pid() == str(self.pid) and self._serves(self.pid)

    def _read_pid(self) -> str:
        try:
            return (self.directory / "nginx.pid").read_text().strip()
        except FileNotFoundError:
            return ""

    def _serves(self, master: int) -> bool:
        workers = processes.serving_workers(master) if self.configuration.master else [master]
        return len(workers) == (self.configuration.workers if self.configuration.master else 1) and all(
            any("[eventpoll]" in one.target for one in self.descriptors(pid)) for pid in workers)

    def _standard_error(self) -> str:
        return (self.directory / "output").read_text(errors="replace")

    def _unlogged(self, log: str) -> str:
        """What nginx said on standard error only, because the log was not open yet."""
        lines = self._standard_error().splitlines()
        return "".join(f"{line}\n" for line in lines if line.partition("] ")[2] not in log)
