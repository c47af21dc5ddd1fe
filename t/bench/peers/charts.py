"""Bars as SVG, in colours that can be read on white and on black. The scale is logarithmic where the values are far apart."""

import math
from xml.sax.saxutils import escape

from .report import figure, measured

WIDTH, LABELS, BAR, GAP, TOP = 760, 290, 18, 8, 34
TEXT, OURS, OTHERS = "#808080", "#2f81f7", "#8b949e"
FAR_APART = 30  # times

# Name of the file: title, kind of request, value, how it is written
CHARTS = {
    "cpu-tiny": ("CPU time of a small request, µs", "tiny", "cpu_us", "{:,.0f}", 1),
    "cpu-8mb": ("CPU time of a request with an image of 8 MB, µs", "8mb", "cpu_us", "{:,.0f}", 1),
    "latency-tiny": ("Median latency of a small request, ms", "tiny", "p50_ms", "{:.2f}", 1),
    "parked": ("Memory of a request that waits, KB", "", "parked_bytes", "{:,.0f}", 1024),
}


def charts(results: dict) -> dict:
    """The text of each file, by its name."""
    made = {}
    for name, (title, kind, value, form, unit) in CHARTS.items():
        bars = {peer: figure(results, peer, kind, value) for peer in measured(results)}
        bars = {peer: number / unit for peer, number in bars.items() if number is not None and number > 0}
        if bars:
            made[f"{name}.svg"] = _chart(title, {peer: (results["peers"][peer]["title"], number) for peer, number in bars.items()}, form)
    return made


def _chart(title: str, bars: dict, form: str) -> str:
    numbers = [number for _, number in bars.values()]
    logarithmic = max(numbers) > FAR_APART * min(numbers)
    if logarithmic:
        title += " (logarithmic scale)"
    lowest = 10 ** math.floor(math.log10(min(numbers)) - 0.01)
    room = WIDTH - LABELS - 90

    def length(number):
        share = math.log(number / lowest) / math.log(max(numbers) / lowest) if logarithmic else number / max(numbers)
        return max(2.0, room * share)

    height = TOP + len(bars) * (BAR + GAP) + GAP
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
             f'font-family="sans-serif" font-size="13" fill="{TEXT}">',
             f"<title>{escape(title)}</title>", f'<text x="0" y="18" font-weight="bold">{escape(title)}</text>']
    for row, (peer, (label, number)) in enumerate(bars.items()):
        top = TOP + row * (BAR + GAP)
        colour = OURS if peer.startswith("ours") else OTHERS
        lines += [f'<text x="{LABELS - 8}" y="{top + 14}" text-anchor="end">{escape(label)}</text>',
                  f'<rect x="{LABELS}" y="{top}" width="{length(number):.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
                  f'<text x="{LABELS + length(number) + 6:.1f}" y="{top + 14}">{form.format(number)}</text>']
    return "\n".join([*lines, "</svg>"]) + "\n"
