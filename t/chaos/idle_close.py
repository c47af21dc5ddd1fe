#!/usr/bin/env python3
"""A provider that closes idle connections when requests arrive: counts outcomes unknown, and checks that none is sent twice."""

import collections
import json
import random
import socket
import time

from _chaos import Promises, options, world
from fakes.behaviours import Behaviour

IDLE = 0.05  # seconds after which the provider closes
ALLOWED = 1 / 500


class CloseAfter(Behaviour):
    """The normal response; then a connection that is idle for this time is closed or reset."""

    def __init__(self, seconds: float, reset: bool):
        self.seconds, self.reset = seconds, reset

    def play(self, call):
        super().play(call)
        connection = call.connection
        sock = connection._socket  # noqa: SLF001: a fake is asked what it has no method for
        sock.settimeout(self.seconds)
        try:
            if sock.recv(1, socket.MSG_PEEK):
                sock.settimeout(None)
                return
        except OSError:
            pass
        connection.reset() if self.reset else connection.close()


def run(promises: Promises, count: int, reset: bool) -> str:
    chance = random.Random(7)
    seen = collections.Counter()
    with world(images=10_000, keys=1, workers=1, state=False) as (fake, bank, gateway, _):
        fake.always(CloseAfter(IDLE, reset))
        for number in range(count):
            reply = gateway.generate({"Authorization": f"Bearer {bank.secret('key-0')}"}, prompt=f"{number}", model="p/cent")
            attempts = reply.json["extra_fields"].get("attempts", [{}])
            seen[attempts[-1].get("outcome") if reply.status != 200 else "made"] += 1
            time.sleep(max(0.0, IDLE + chance.uniform(-0.002, 0.003)))
        sent = collections.Counter(json.loads(request.body)["prompt"] for request in fake.work if request.complete)
        how = "resets" if reset else "closes"
        promises.check(max(sent.values()) == 1, f"{sum(one > 1 for one in sent.values())} requests were sent twice")
        promises.check(seen["unknown"] <= max(1, count * ALLOWED), f"{seen['unknown']} of {count} ended as unknown")
        return (f"idle_close: a provider that {how} connections after {IDLE * 1000:.0f} ms: {seen['unknown']} of {count} "
                f"requests ended as unknown, {count - seen['unknown'] - seen['made']} otherwise failed, it has read {len(sent)}, "
                f"the most of one {max(sent.values())} times")


def main():
    count = 60 if options(__doc__).quick else 500
    promises = Promises()
    promises.end("\n".join(run(promises, count, reset) for reset in (False, True)))


if __name__ == "__main__":
    main()
