"""The figures as tables in Markdown, which are read as they are, too."""

from .scenarios import KINDS, UNREAD, UNREAD_MEGABYTES

REFERENCE = "ours-native"  # ratios are to this one
DIRECT = {"storm": "tiny", "fan-out": "tiny"}  # what a request without a gateway would be; for others the same kind


def tables(results: dict) -> str:
    parts = [_cpu(results), _latency(results), _memory(results), _workers(results), _notes(results)]
    return "\n\n".join(part for part in parts if part)


def figure(results: dict, name: str, kind: str = "", value: str = "cpu_us"):
    """Of a peer, or None: of a kind of request, or one of the peer's own."""
    peer = results["peers"].get(name, {})
    return peer.get("kinds", {}).get(kind, {}).get(value) if kind else peer.get(value)


def measured(results: dict) -> list:
    return [name for name, peer in results["peers"].items() if not peer.get("not_run")]


def _cpu(results) -> str:
    kinds = [kind for kind in KINDS if any(figure(results, name, kind) for name in measured(results))]
    if not kinds:
        return ""
    rows = [[results["peers"][name]["title"]] + [_with_ratio(results, name, kind) for kind in kinds]
            for name in measured(results)]
    ratios = f" In brackets: how many times that of {_title(results, REFERENCE)}." if REFERENCE in measured(results) else ""
    return (f"CPU time of a request in microseconds, of all processes of the peer, in user mode and in the kernel.{ratios}\n\n" + _table(["", *kinds], rows) + "\n\n" + _cheaper(results, kinds)).rstrip()


def _cheaper(results, kinds) -> str:
    """Where others win."""
    lines = []
    for kind in kinds:
        reference = figure(results, REFERENCE, kind)
        names = [name for name in measured(results) if not name.startswith("ours") and reference
                 and (figure(results, name, kind) or reference) < reference]
        if names:
            lines.append(f"- {kind}: " + "; ".join(
                f"{_title(results, name)} ({_short(figure(results, name, kind) / reference)})" for name in names))
    return f"Cheaper than {_title(results, REFERENCE)} are:\n\n" + "\n".join(lines) if lines else ""


def _with_ratio(results, name, kind) -> str:
    own, reference = figure(results, name, kind), figure(results, REFERENCE, kind)
    if own is None:
        return "–"
    return f"{own:,.0f}" + (f" ({_short(own / reference)})" if reference else "")


def _latency(results) -> str:
    kinds = [kind for kind in KINDS if any(figure(results, name, kind, "p50_ms") for name in measured(results))
             and DIRECT.get(kind, kind) in results["direct"]]
    if not kinds:
        return ""
    rows = [[results["peers"][name]["title"]] + [_added(results, name, kind) for kind in kinds] for name in measured(results)]
    return ("Latency that the peer adds to a direct call of the provider, for one client at a time, in milliseconds: median / 99th "
            "percentile.\n\n" + _table(["", *kinds], rows))


def _added(results, name, kind) -> str:
    direct = results["direct"][DIRECT.get(kind, kind)]
    values = [figure(results, name, kind, value) for value in ("p50_ms", "p99_ms")]
    if None in values:
        return "–"
    return " / ".join(f"{own - direct[value]:.2f}" for own, value in zip(values, ("p50_ms", "p99_ms")))


def _memory(results) -> str:
    columns = {"start-up, s": ("start_up_s", lambda v: f"{v:.2f}"), "after it, MB": ("idle_bytes", lambda v: f"{v / 1e6:,.0f}"),
               "parked request, KB": ("parked_bytes", lambda v: f"{v / 1024:,.0f}"),
               "each MB unread, MB": ("unread", lambda v: f"{v:.2f}")}
    columns = {title: column for title, column in columns.items()
               if any(figure(results, name, value=column[0]) is not None for name in measured(results))}
    if not columns:
        return ""
    rows = [[results["peers"][name]["title"]] + [
        "–" if figure(results, name, value=value) is None else write(figure(results, name, value=value))
        for value, write in columns.values()] for name in measured(results)]
    return ("Time from the start of the program to its first answer; private memory of all its processes then; memory for each of "
            f"{results['parked']} requests that wait for the provider; and memory for each MB of answer while {UNREAD} clients do not read "
            f"answers of {UNREAD_MEGABYTES} MB.\n\n" + _table(["", *columns], rows))


def _workers(results) -> str:
    ways = results.get("workers")
    if not ways:
        return ""
    rows = [[way, f"{one['one_us']:.1f}", f"{one['two_us']:.1f}", f"{one['times']:.2f}"] for way, one in ways.items()]
    return ("Two workers beside one, the sandbox's smallest image, one key: CPU time of a request in microseconds, and how many times as "
            "much two workers do if each has a processor to itself.\n\n" + _table(["", "one worker", "two workers", "times"], rows))


def _notes(results) -> str:
    lines = []
    for peer in results["peers"].values():
        if peer.get("not_run"):
            lines.append(f"- **{peer['title']}** was not run: {peer['not_run']}.")
            continue
        version = f" ({peer['version']})" if peer.get("version") else ""
        lines.append(f"- **{peer['title']}**{version} {peer['does']}." +
                     (f" It leaves out {peer['leaves_out']}." if peer.get("leaves_out") else ""))
        lines += [f"  - {kind} was not run: {one['not_run']}." for kind, one in peer["kinds"].items() if one.get("not_run")]
    return "What each does:\n\n" + "\n".join(lines)


def _title(results, name) -> str:
    return results["peers"].get(name, {}).get("title", name)


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def _table(head: list, rows: list) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
