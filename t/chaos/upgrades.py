#!/usr/bin/env python3
"""Binary upgrades (USR2, then QUIT to the old master) under load: no request fails, and every budget is exact."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from _chaos import Callers, Promises, money, options, settle_spent, world
from harness import environment, processes
from harness.client import call
from harness.gateway import new_directory, until
from ports import free_port

PATIENCE = 30  # seconds


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Daemon:
    """nginx in the background, which an upgrade requires: nginx refuses it as a child of the process that started it."""

    def __init__(self, configuration, variables: dict, _):
        self.configuration, self.directory, self.port = configuration, new_directory(), free_port()
        text = configuration.text(self.directory, self.port).replace("daemon off;", "daemon on;")
        (self.directory / "nginx.conf").write_text(text)
        command = [environment.nginx(), "-p", f"{self.directory}/", "-c", f"{self.directory}/nginx.conf", "-e",
                   f"{self.directory}/error.log"]
        subprocess.run(command, env=environment.variables(variables, self.directory), check=True, timeout=PATIENCE,
                       stdin=subprocess.DEVNULL)
        self.masters = []
        self._add_master()

    def generate(self, headers, **fields):
        return call(f"http://127.0.0.1:{self.port}/v1/images/generations", "POST", headers=headers, json=fields)

    def upgrade(self):
        """Returns when the new workers have served beside the old ones, and the old ones are gone."""
        old = self.masters[-1]
        os.kill(old, signal.SIGUSR2)
        self._add_master()
        time.sleep(0.2)
        os.kill(old, signal.SIGQUIT)
        if not until(lambda: is_gone(old), PATIENCE, 0.05):
            raise AssertionError("the old master did not leave")

    def finish(self):
        for pid in self.masters:
            if not is_gone(pid):
                os.kill(pid, signal.SIGQUIT)
        if not until(lambda: all(map(is_gone, self.masters)), PATIENCE, 0.05):
            raise AssertionError(f"one of {self.masters} did not leave")
        shutil.rmtree(self.directory)

    def _add_master(self):
        def new():
            try:
                pid = int((self.directory / "nginx.pid").read_text())
            except (FileNotFoundError, ValueError):
                return None
            return None if pid in self.masters else pid

        pid = until(new, PATIENCE, 0.05)
        if pid:
            self.masters.append(pid)
        if not pid or not until(lambda: len(processes.serving_workers(pid)) == self.configuration.workers, PATIENCE, 0.05):
            raise AssertionError(f"no new nginx came:\n{(self.directory / 'error.log').read_text()[-2000:]}")


def main():
    quick = options(__doc__).quick
    promises = Promises()
    count = 3 if quick else 20
    with world(images=50, keys=400, start=Daemon, log_level="notice") as (fake, bank, gateway, _):
        began = time.monotonic()
        with Callers(gateway, bank) as callers:
            for _ in range(count):
                gateway.upgrade()
                time.sleep(0.3)
        settle_spent(gateway, bank)
        promises.check(callers.failed == 0, f"{callers.failed} requests failed: {callers.examples}")
        figures = (f"upgrades: {count} in {time.monotonic() - began:.0f} s: {callers.requests} requests, "
                   f"{callers.failed} failed; {money(bank, fake, promises)}")
    promises.end(figures)


if __name__ == "__main__":
    main()
