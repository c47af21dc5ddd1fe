#!/usr/bin/env python3
"""Runs the programs of this directory one after another, or those that are named. Each prints lines of figures.

    ./build.sh chaos [--quick] [NAME …]

A program is a file NAME.py with no "_" before its name: it runs by itself, bounded in count and time, and ends with 0 if every promise
was kept. It takes --quick. To add one, add its file.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONGEST = 1000  # seconds: each bounds itself before


def programs() -> dict:
    return {path.stem: path for path in sorted(HERE.glob("*.py"))
            if not path.stem.startswith("_") and path.stem != "run"}


def run(path: Path, options: list) -> bool:
    since = time.monotonic()
    with subprocess.Popen([sys.executable, path, *options]) as process:
        try:
            code = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.terminate()
            code = f"no end within {LONGEST} s"
    print(f"{path.stem}: {'kept' if code == 0 else f'BROKEN ({code})'} in {time.monotonic() - since:.0f} s", flush=True)
    return code == 0


def main() -> int:
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    known = programs()
    for name in names:
        if name not in known:
            sys.exit(f"there is no program '{name}'; there are {', '.join(known)}")
    kept = [run(known[name], options) for name in names or known]
    print(f"{sum(kept)} of {len(kept)} programs found every promise kept")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
