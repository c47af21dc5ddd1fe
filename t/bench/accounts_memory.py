"""How much memory Redis needs for each key whose limits it counts. `build/venv/bin/python t/bench/accounts_memory.py [KEYS]`"""

import hashlib
import re
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "t"), str(PROJECT / "t/http")]

from harness.redis import Redis  # noqa: E402

# account,concurrent,requests,images,images_day,keep,record,period,money
KINDS = {"requests per minute": ",0,60,0,0,3600,0", "all limits": ",4,60,30,500,90000,0", "all limits and a budget": ",4,60,30,500,0,1,3,100000000"}


def main(count: int):
    server = Redis()
    client = server.client()
    source = (PROJECT / "src/redis/accounts_script.cc").read_text()
    script = client("SCRIPT", "LOAD", re.search(r'R"lua\(\n(.*?)\)lua"', source, re.DOTALL)[1])

    def run(operation, prefix, *arguments):
        return client("EVALSHA", script, 2, "ig:server", prefix, "run", operation, "worker", 500, *arguments)

    def memory():
        return int(re.search(r"used_memory:(\d+)", client("INFO", "memory"))[1])

    print(f"bytes for each of {count} keys: with a request open | when it has ended | ten minutes later")
    for kind, limits in KINDS.items():
        client("FLUSHDB")
        run("beat", "ig:{}:", "")
        time.sleep(0.6)
        names = [hashlib.sha256(f"{kind} {n}".encode()).hexdigest()[:32] for n in range(count)]
        sizes = [memory()]
        for name in names:
            assert run("enter", f"ig:{{{name}}}:", f"worker.{name[:6]}", name + limits)[0] == "ok"
            if "all" in kind:
                assert run("reserve", f"ig:{{{name}}}:", f"worker.{name[:6]}", 1, 1, 40000, name + limits)[0] == "ok"
        sizes.append(memory())
        for name in names:
            run("put", f"ig:{{{name}}}:", f"worker.{name[:6]}", "closed", 0, "", 0, 1, 40000, name + limits)
        sizes.append(memory())
        for mark in client("KEYS", "ig:{*}:t:*"):
            client("DEL", mark)
        sizes.append(memory())
        print(f"{kind}: " + " | ".join(f"{(size - sizes[0]) / count:.0f}" for size in sizes[1:]))
    server.finish()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
