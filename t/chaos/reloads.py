#!/usr/bin/env python3
"""Reloads under load: no request fails, and every budget is exact. Then the same with another zone size at each reload."""

import time

from _chaos import Callers, Promises, money, options, reload, settle_spent, world


def run(promises: Promises, reloads: int, pause: float, sizes=("",)) -> str:
    with world(images=100, keys=200, zone=sizes[0]) as (fake, bank, gateway, http):
        began = time.monotonic()
        with Callers(gateway, bank) as callers:
            for number in range(reloads):
                reload(gateway, http=http(sizes[number % len(sizes)]))
                time.sleep(pause)
        settle_spent(gateway, bank)
        what = "with another zone size at each" if len(sizes) > 1 else "with the same zone"
        promises.check(callers.failed == 0, f"{callers.failed} requests failed {what}: {callers.examples}")
        return (f"reloads: {reloads} {what} in {time.monotonic() - began:.0f} s: {callers.requests} requests, "
                f"{callers.failed} failed; {money(bank, fake, promises)}")


def main():
    quick = options(__doc__).quick
    promises = Promises()
    figures = [run(promises, 10 if quick else 200, 0.1), run(promises, 5 if quick else 20, 0.5, ("1m", "2m"))]
    promises.end("\n".join(figures))


if __name__ == "__main__":
    main()
