#!/usr/bin/env python3
"""This gateway beside the alternatives, side by side in one run, with the same mock provider: what a request costs.

The peers are installed into build/peers at first: what cannot be installed or does not serve a kind of request is said, and the run
goes on. The figures go to build/bench/peers.json; --write puts them into docs/performance.md, with charts.

    ./build.sh bench peers [--quick] [--peer NAME …] [--only SCENARIO …] [--write | --from FILE --write]
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import sys
import time
from http.client import HTTPException

import workers
from _bench import ROOT, Servers, load
from peers import page, report
from peers.bifrost import Bifrost
from peers.litellm_proxy import LiteLLM
from peers.nginx_lua import NginxLua
from peers.nginx_proxy import NginxProxy, NginxProxyLarge
from peers.ours import Ours, OursNative, OursUnbuffered
from peers.peer import NotRun, body_of
from peers.portkey import Portkey
from peers.provider import Provider
from peers.running import Running
from peers.scenarios import FULL, KINDS, QUICK, one_round, parked_memory, summary, unread_memory

PEERS = (NginxProxy(), NginxProxyLarge(), NginxLua(), Ours(), OursNative(), OursUnbuffered(), Portkey(), LiteLLM(), Bifrost())
BESIDE_KINDS = ("parked", "unread", "workers")  # scenarios that are no kind of request; the first two also measure the start-up
RESULTS = ROOT / "build/bench/peers.json"


def say(text: str):
    print(text, file=sys.stderr, flush=True)


class Run:
    """What was measured so far, as it goes into the file."""

    def __init__(self, servers, provider, effort, scenarios, peers):
        self.servers, self.provider, self.effort, self.scenarios = servers, provider, effort, scenarios
        self.figures = {peer.name: {"title": peer.title, "does": peer.does, "leaves_out": peer.leaves_out, "kinds": {}}
                        for peer in peers}
        self.direct = {}
        self._start_ups = {peer.name: [] for peer in peers}

    def install(self, peers) -> list:
        """Those that can be run."""
        directory = ROOT / "build/peers"
        directory.mkdir(parents=True, exist_ok=True)
        ready = []
        for peer in peers:
            say(f"{peer.title}: installing, if that was not done before")
            with self._unless_not_run(self.figures[peer.name], peer.title):
                peer.install(directory)
                self.figures[peer.name]["version"] = peer.version()
                ready.append(peer)
        return ready

    def measure_memory(self, peer):
        """Each in processes of its own, because what a load brought along is used again."""
        figures = self.figures[peer.name]
        if "parked" in self.scenarios:
            with self._unless_not_run(figures["kinds"].setdefault("parked", {}), f"{peer.title}, parked"), self._started(peer) as running:
                figures["idle_bytes"] = running.memory()
                figures["parked_bytes"] = parked_memory(running, self.effort.parked)
        if "unread" in self.scenarios:
            with self._unless_not_run(figures["kinds"].setdefault("unread", {}), f"{peer.title}, unread"), self._started(peer) as running:
                figures["unread"] = unread_memory(running, self.effort.watching)

    def measure_kinds(self, peers):
        """All peers run at once, and take turns."""
        wanted = [kind for kind in KINDS if kind in self.scenarios]
        with contextlib.ExitStack() as stack:
            up = []
            for peer in peers if wanted else ():
                with self._unless_not_run({}, peer.title):
                    up.append(stack.enter_context(self._started(peer)))
            for kind in wanted:
                self._measure_kind(kind, [running for running in up if kind in running.peer.kinds])
        for name, times in self._start_ups.items():
            if times:
                self.figures[name]["start_up_s"] = statistics.median(times)

    def _measure_kind(self, kind, running):
        rounds = {one.peer.name: [] for one in running}
        direct = []
        for turn in range(self.effort.rounds):
            say(f"{kind}, round {turn + 1} of {self.effort.rounds}")
            if kind == report.DIRECT.get(kind, kind):
                direct.append(load(f"{self.provider.base(kind)}/v1/images/generations", body_of(kind), 1, self.effort.alone,
                                   self.servers.directory))
            for one in running:
                figures = self.figures[one.peer.name]["kinds"].setdefault(kind, {})
                if figures.get("not_run"):
                    continue
                with self._unless_not_run(figures, f"{one.peer.title}, {kind}"):
                    rounds[one.peer.name].append(one_round(one, kind, self.effort, self.servers.directory, first=turn == 0))
        if direct:
            self.direct[kind] = {"p50_ms": statistics.median(one.median for one in direct),
                                 "p99_ms": statistics.median(one.slowest for one in direct)}
        for name, made in rounds.items():
            if made:
                self.figures[name]["kinds"][kind].update(summary(made))

    @contextlib.contextmanager
    def _started(self, peer):
        if "not_run" in self.figures[peer.name]:
            raise NotRun("it did not start before")
        try:
            running = Running(peer, self.servers, self.provider)
        except NotRun as why:
            self.figures[peer.name]["not_run"] = str(why)
            raise
        self._start_ups[peer.name].append(running.start_up)
        with running:
            yield running

    @staticmethod
    @contextlib.contextmanager
    def _unless_not_run(figures: dict, what: str):
        try:
            yield
        except (NotRun, OSError, HTTPException) as why:
            figures["not_run"] = str(why).rstrip(".")
            say(f"not run: {what}: {why}")


def measure_workers(module, quick: bool) -> dict:
    """By way, the CPU time of a request with one worker and with two."""
    rounds = workers.rounds_of(module, *((2, 1) if quick else (3, 2)))
    cost = {one: min(r.cost for r in made) for one, made in rounds.items()}
    one, two = workers.WORKERS
    return {way: {"one_us": cost[one, way], "two_us": cost[two, way], "times": two * cost[one, way] / cost[two, way]}
            for way in workers.WAYS}


def processor() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def measure(module, options) -> dict:
    effort = QUICK if options.quick else FULL
    scenarios = options.only or (*KINDS, *BESIDE_KINDS)
    peers = [peer for peer in PEERS if not options.peer or peer.name in options.peer]
    began, load_average = time.monotonic(), os.getloadavg()[0]
    with Servers(module) as servers:
        run = Run(servers, Provider(servers), effort, scenarios, peers)
        ready = run.install(peers)
        for peer in ready:
            say(f"{peer.title}: memory")
            run.measure_memory(peer)
        run.measure_kinds(ready)
    results = {"made": time.strftime("%Y-%m-%d"), "command": "./build.sh bench peers" + (" --quick" if options.quick else ""),
               "processors": os.cpu_count(), "processor": processor(), "load_average": load_average, "parked": effort.parked,
               "peers": run.figures, "direct": run.direct}
    if "workers" in scenarios and (not options.peer or any(name.startswith("ours") for name in options.peer)):
        say("two workers beside one")
        results["workers"] = measure_workers(module, options.quick)
    results["seconds"] = round(time.monotonic() - began)
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="one round instead of three, and fewer parked requests")
    arguments.add_argument("--peer", nargs="+", choices=[peer.name for peer in PEERS], help="only these")
    arguments.add_argument("--only", nargs="+", choices=[*KINDS, *BESIDE_KINDS], help="only these scenarios")
    arguments.add_argument("--write", action="store_true", help="put the figures into docs/performance.md, with charts")
    arguments.add_argument("--from", dest="source", type=pathlib.Path, help="measure nothing: take the figures of this file")
    options = arguments.parse_args()
    # a parked request takes two descriptors here, and two of the peer, which inherits the limit
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most != resource.RLIM_INFINITY else 65536, most))
    if options.write and (options.peer or options.only):
        arguments.error("--write needs all peers and scenarios")
    if options.source:
        results = json.loads(options.source.read_text())
    else:
        module = pathlib.Path(os.environ.get("MODULE") or ROOT / "build/ngx_http_image_gateway_module.so").resolve()
        results = measure(module, options)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(report.tables(results))
    if options.write:
        page.write(results)
    if results.get("seconds"):
        print(f"\n{results['seconds']} s; the figures are in {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
