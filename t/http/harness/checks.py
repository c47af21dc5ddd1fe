"""What every test asserts at its end. Each check returns sentences about what is wrong; none means all is well."""

import re
from pathlib import Path

from .processes import counted

GRAVE = re.compile(r"^\S+ \S+ \[(alert|emerg|crit)\] |^nginx: \[(alert|emerg|crit)\] ")


def log_problems(log: str, allowed=()) -> list:
    """Lines of [alert], [emerg] or [crit], but for those that match one of the allowed expressions."""
    return [f"error.log: {line}" for line in log.splitlines()
            if GRAVE.match(line) and not any(re.search(one, line) for one in allowed)]


def worker_problems(before: list, now: list) -> list:
    if before == now:
        return []
    return [f"the workers are no longer the same: {before} at the start, {now} at the end"]


# A worker opens its state file and the file of records when it needs them, and the first again while it looks for damage.
STATE_FILE = re.compile(r"/state\.db(\.records)?(-wal|-shm)?$")
STATE_FILE_OPEN = 2


def descriptor_problems(pid: int, baseline, found, ignored_ports=()) -> list:
    """Descriptors beyond the baseline (a Counter of kinds), connections to fakes left out."""
    extra = counted(found, ignored_ports) - baseline
    return [f"worker {pid} has kept {count} × {kind}" for kind, count in extra.items()
            if not (STATE_FILE.search(kind) and baseline[kind] + count <= STATE_FILE_OPEN)]


def sanitizer_problems(directory: Path) -> list:
    reports = sorted([*directory.glob("asan.*"), *directory.glob("ubsan.*")])
    return [f"{one.name}:\n{one.read_text(errors='replace')[:8000]}" for one in reports]
