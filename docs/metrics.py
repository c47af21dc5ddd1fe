#!/usr/bin/env python3
"""Writes docs/metrics.md from the table of series. `./build.sh docs` runs it; a test compares the page with the output."""

import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
TABLE = DOCS.parent / "src/core/metrics/series.cc"
HEAD = """# Metrics

What a location with [image_gateway_metrics](directives.md#image_gateway_metrics) shows, in Prometheus's text format or as
OpenMetrics if the client asks for it. `./build.sh docs` writes this page; a test checks that it is current. For a
dashboard and alert rules, see `examples/observability`.

Counters and histograms are of all workers together. They begin with nginx, and go on when its configuration is loaded
again and when its binary is upgraded. Histograms have the buckets 5 ms to 900 s, and count whole milliseconds.

Labels have few values. `model` and `provider` are names in the configuration or its catalogue; what callers make up is
`other`, and what does not apply is `none`. In `image_gateway_requests_total`, `model` is what the request asked for: an
alias, or `PROVIDER/MODEL`. In other series it is the name at the provider. `operation` is `generate`, `edit`,
`variation`, `models`, `jobs`, `file` (a kept image), `preflight` or `other`. `outcome` is that of an
[attempt](glossary.md#how-an-attempt-ends); for a request, that of its last attempt, or `refused`, `client_gone`,
`internal_error`, `cached`, `shared`, `replayed`, or `served` if no image was asked for. No label has a prompt, an end user or another text of a
request.

"""
CHAPTERS = (("always", "Always", ""),
            ("keys", "With keys=on", "The first 1,000 virtual keys have a label of their own; what all others have spent "
                                     "is shown as `other`.\n\n"),
            ("gen_ai", "With gen_ai=on", "Twins of the figures above, as "
                                         "OpenTelemetry's conventions for generative AI name them. `error_type` is "
                                         "missing if there was no error.\n\n"))


def rows() -> list:
    """(name, type, shown, labels, help) of each row."""
    table = TABLE.read_text().partition("kSeries[] = {")[2].partition("\n};")[0]
    found = []
    for row in re.findall(r"\{(Series::.*?)\},\n", table + "\n", re.DOTALL):
        # Words, and texts, whose pieces stand one after another.
        tokens = re.findall(r'[\w:]+|"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*', row)
        values = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', token)) if token[0] == '"' else token for token in tokens]
        assert len(values) == 7, row
        _, name, kind, _, shown, labels, text = values
        found.append((name, kind, shown, labels.split(), text))
    return found


def page() -> str:
    parts = [HEAD.rstrip("\n") + "\n"]
    for shown, title, text in CHAPTERS:
        parts.append(f"## {title}\n\n{text}| series | type | labels | |\n|---|---|---|---|\n" + "".join(
            f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {about} |\n"
            for name, kind, when, labels, about in rows() if when == shown))
    return "\n".join(parts)


def main() -> int:
    target = DOCS / "metrics.md"
    if "--check" not in sys.argv:
        target.write_text(page())
    elif not target.exists() or target.read_text() != page():
        print("docs/metrics.md is outdated; run ./build.sh docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
