#!/usr/bin/env python3
"""Workers killed with -9 under load: only requests of the killed worker are lost, and every budget is exact."""

import os
import random
import signal
import time

from _chaos import Callers, Promises, money, options, settle_spent, world
from harness.gateway import until

THREADS = 8
WORKERS = 4


def main():
    quick = options(__doc__).quick
    promises = Promises()
    count = 6 if quick else 60
    chance = random.Random(7)
    with world(images=100, keys=200, workers=WORKERS) as (fake, bank, gateway, _):
        began, killed = time.monotonic(), 0
        with Callers(gateway, bank, THREADS) as callers:
            for _ in range(count):
                time.sleep(chance.uniform(0.1, 0.5))
                workers = until(lambda: len(found := gateway.worker_pids()) == WORKERS and found, 30, 0.05)
                promises.check(bool(workers), "a killed worker was not replaced")
                if not workers:
                    break
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed += 1
            until(lambda: len(gateway.worker_pids()) == WORKERS, 30)
        settle_spent(gateway, bank)
        # The calls of a killed worker may be billed and count as spent: budgets may end early, never late.
        others = callers.failed - callers.seen[0]
        promises.check(others == 0, f"{others} answers were errors: {callers.examples}")
        promises.check(callers.seen[0] <= killed * THREADS, f"{callers.seen[0]} connections broke in {killed} kills")
        figures = (f"kills: {killed} of {WORKERS} workers in {time.monotonic() - began:.0f} s: {callers.requests} requests, "
                   f"{callers.seen[0]} connections broke, {others} errors; {money(bank, fake, promises, exactly=False)}")
        early = sum(bank.images - one for one in bank.underspent(fake).values())
        promises.check(early <= callers.seen[0], f"{early} images were refused too early for {callers.seen[0]} lost requests")
        figures += f", by {early} images in all"
    promises.end(figures)


if __name__ == "__main__":
    main()
