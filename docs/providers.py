#!/usr/bin/env python3
"""Writes docs/providers.md from the built-in catalogue. `./build.sh docs` runs it; a test compares the page with the output.

docs/directives.md describes each api and what it needs; this page lists what its models accept."""

import json
import pathlib
import sys

DOCS = pathlib.Path(__file__).resolve().parent
CATALOG = DOCS.parent / "src/core/catalog/catalog.json"
UNLISTED = ("prompt", "n", "stream", "partial_images")  # described elsewhere
HEAD = """# Providers

What each [api](directives.md#api) can do, from the built-in catalogue. `./build.sh docs` writes this page; a test checks
that it is current. `GET /v1/models` lists the same for the configured models, with their prices.

*Images*: the maximum number that one call makes; for more, the gateway makes several calls at the same time. *Returns*:
the form that the provider returns; clients get links or base64, as they request. *Parameters*: one in *italics* is
accepted by some of the models only. If a model does not accept a parameter, the gateway adapts it or leaves it out, and
lists the change in `adjustments`; with strict fitting it refuses the request. *Models*: those that make images from a
prompt. *Edits*: the models that take input images.

"""


def row_of(row: dict, families: dict) -> dict:
    """The row, with members that it does not have taken from its family, and from the family's own family."""
    if "family" not in row:
        return row
    family = row_of(families[row["family"]], families)
    merged = {**family, **row}
    parameters = {**family.get("parameters", {}), **row.get("parameters", {})}
    merged["parameters"] = {name: spec for name, spec in parameters.items() if spec is not None}
    return merged


def images(rows: list) -> str:
    counts = sorted({int((row["parameters"].get("n") or {"max": 1}).get("max", 10)) for row in rows})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def returns(rows: list) -> str:
    forms = {row.get("returns", {}).get("form", "b64_json") for row in rows}
    either = any("response_format" in row["parameters"] for row in rows)
    lives = sorted({row["returns"]["lifetime"] for row in rows if row.get("returns", {}).get("lifetime")})
    words = "links or base64" if either else " or ".join({"url": "links", "b64_json": "base64"}[one] for one in sorted(forms))
    return words + (f", which expire after {span(lives[0])}" if lives else "")


def span(seconds: int) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit or seconds == unit == 60:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"


def parameters(rows: list) -> str:
    order = list(dict.fromkeys(name for row in rows for name in row["parameters"] if name not in UNLISTED))
    everywhere = [name for name in order if all(name in row["parameters"] for row in rows)]
    return ", ".join(f"`{name}`" if name in everywhere else f"*{name}*" for name in order) or "only the prompt"


def listed(rows: list) -> str:
    return ", ".join(f"`{row['model']}`" for row in rows if "*" not in row["model"] and row.get("status") != "shut_down")


def editors(rows: list) -> str:
    """The models that take input images: those whose rows say which."""
    able = [row for row in rows if {"edit", "variation"} & set(row["operations"]) and "inputs" in row]
    named = listed(able)
    unlisted = any("*" in row["model"] for row in able)
    return ", and ".join(filter(None, (named, "any other" if named and unlisted else "any" if unlisted else ""))) or "none"


def main() -> str:
    catalog = json.loads(CATALOG.read_text())
    page = HEAD
    for api in sorted(catalog["apis"]):
        rows = catalog["apis"][api]
        if isinstance(rows, str):
            page += f"## {api}\n\nThe models of [{rows}](#{rows}).\n\n"
            continue
        rows = [row_of(row, catalog["families"]) for row in rows]
        current = [row for row in rows if row.get("status") != "shut_down" and "generate" in row.get("operations", [])]
        named = listed(current)
        page += (f"## {api}\n\n| | |\n|---|---|\n| images | {images(current)} |\n| returns | {returns(current)} |\n"
                 f"| parameters | {parameters(current)} |\n| models | {named + ', and any other' if named else 'any'} |\n"
                 f"| edits | {editors(rows)} |\n\n")
    return page.rstrip("\n") + "\n"


if __name__ == "__main__":
    written = main()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if (DOCS / "providers.md").read_text() == written else "docs/providers.md is not current: ./build.sh docs")
    (DOCS / "providers.md").write_text(written)
