"""Writes the figures into docs/performance.md, between two marks, and the charts beside it."""

from _bench import ROOT

from .charts import CHARTS, charts
from .report import tables

PAGE, FIGURES = ROOT / "docs/performance.md", ROOT / "docs/figures"
BEGIN, END = "<!-- bench peers: begin -->", "<!-- bench peers: end -->"


def write(results: dict):
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no {BEGIN} and {END}")
    FIGURES.mkdir(exist_ok=True)
    made = charts(results)
    for name in CHARTS:
        path = FIGURES / f"{name}.svg"
        path.unlink(missing_ok=True)
        if path.name in made:
            path.write_text(made[path.name])
    pictures = "\n\n".join(f"![{CHARTS[name.removesuffix('.svg')][0]}](figures/{name})" for name in made)
    PAGE.write_text("\n\n".join([before + BEGIN, about(results), pictures, tables(results), END + after]))


def about(results: dict) -> str:
    return (f"Made on {results['made']} by `{results['command']}`, on {results['processors']} processors "
            f"({results['processor']}). The load average was {results['load_average']:.1f} at the start: "
            f"{'the machine had other work, so the latencies say little' if results['load_average'] > 1 else 'the machine was idle'}.")
