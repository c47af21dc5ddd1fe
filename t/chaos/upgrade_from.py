#!/usr/bin/env python3
"""Upgrades from the module of an earlier commit to this one, back, and again (USR2), under load: no request fails, no budget
is lost or spent twice, and each image is in the state file.

UPGRADE_FROM names the commit; its module is built the first time, which takes as long as a first build, and kept in
build/upgrade-from/.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMIT = os.environ.get("UPGRADE_FROM", "d6e6940")
MODULE = "build/ngx_http_image_gateway_module.so"


def earlier_module():
    """Its path, or None where it cannot be built, as without the history."""
    kept = ROOT / "build/upgrade-from" / COMMIT
    if (kept / MODULE).is_file():
        return kept / MODULE
    archive = subprocess.run(["git", "-C", ROOT, "archive", COMMIT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if archive.returncode:
        return None
    print(f"upgrade_from: building the module of {COMMIT} …", flush=True)
    kept.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", kept], input=archive.stdout, check=True)
    log = kept / "build.log"
    with open(log, "wb") as output:
        done = subprocess.run(["./build.sh", "build"], cwd=kept, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"upgrade_from: the module of {COMMIT} cannot be built: see {log}")
    return kept / MODULE


def main():
    earlier = earlier_module()
    if earlier is None:
        print(f"upgrade_from: there is no commit {COMMIT} here, and so nothing to upgrade from", flush=True)
        return
    this = Path(os.environ.get("MODULE") or ROOT / MODULE).absolute()
    directory = Path(tempfile.mkdtemp(prefix="upgrade-from-"))
    directory.chmod(0o755)
    loaded = directory / "module.so"
    # nginx reads the configuration, and so this link, anew in each binary.
    loaded.symlink_to(earlier)
    os.environ["MODULE"] = str(loaded)
    try:
        upgrade(loaded, earlier, this)
    finally:
        shutil.rmtree(directory)


def load(link: Path, module: Path):
    fresh = link.with_suffix(".new")
    fresh.symlink_to(module)
    os.replace(fresh, link)


def upgrade(loaded: Path, earlier: Path, this: Path):
    from _chaos import Callers, Promises, money, options, settle_spent, world  # after MODULE is set
    from upgrades import Daemon
    quick = options(__doc__).quick
    promises = Promises()
    modules = [this, earlier, this] * (1 if quick else 5)
    with world(images=50, keys=400, start=Daemon, log_level="notice") as (fake, bank, gateway, _):
        began = time.monotonic()
        with Callers(gateway, bank) as callers:
            for module in modules:
                time.sleep(1)
                load(loaded, module)
                gateway.upgrade()
            time.sleep(1)
        settle_spent(gateway, bank)
        time.sleep(1)  # what waits to be written is
        promises.check(callers.failed == 0, f"{callers.failed} requests failed: {callers.examples}")
        billed = sum(bank.billed(fake).values())
        with sqlite3.connect(f"file:{bank.file.parent}/state.db?mode=ro", uri=True) as database:
            (rows,), = database.execute("SELECT count(*) FROM usage WHERE outcome = 'made'")
            (spent,), = database.execute("SELECT sum(micro_usd) FROM spent WHERE per = 'lifetime'")
        promises.check(rows == billed, f"{rows} rows for {billed} images")
        promises.check(spent == billed * 10_000, f"{spent / 10_000:.0f} cents for {billed} images in the state file")
        figures = (f"upgrade_from {COMMIT}: {len(modules)} in {time.monotonic() - began:.0f} s: {callers.requests} requests, "
                   f"{callers.failed} failed; {rows} rows; {money(bank, fake, promises)}")
    promises.end(figures)


if __name__ == "__main__":
    sys.exit(main())
