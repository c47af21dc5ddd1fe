"""A line of progress every few seconds in place of a dot for each test, where PROGRESS is set to their number."""

import os
import threading
import time

import pytest

SECONDS = int(os.environ.get("PROGRESS") or 0)


class Progress:
    def __init__(self, config):
        self._plugins, self._terminal = config.pluginmanager, None
        self._began, self._all, self._ended, self._failed = time.monotonic(), 0, set(), 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def pytest_sessionstart(self):
        self._terminal = self._plugins.get_plugin("terminalreporter")
        self._thread.start()

    def pytest_collection_finish(self, session):
        self._all = len(session.items) or self._all

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        self._all = len(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report):
        if report.passed and report.when == "call":
            return "passed", "", ""

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._failed += 1
            self._terminal.write_line(f"FAILED {report.nodeid} ({report.when})")
        if report.when == "teardown":
            self._ended.add(report.nodeid)

    def pytest_sessionfinish(self):
        self._over.set()

    def _tell(self):
        while not self._over.wait(SECONDS):
            seconds = time.monotonic() - self._began
            self._terminal.write_line(f"  {len(self._ended)} of {self._all or '?'} tests, {self._failed} failed, "
                                      f"{seconds:.0f} s")


def pytest_configure(config):
    if SECONDS and not hasattr(config, "workerinput"):  # not in a process of pytest-xdist
        config.pluginmanager.register(Progress(config), "progress of the tests")
