"""What `./build.sh bench peers` writes: tables and charts of figures that are given."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "t/bench"))

from peers import charts, page, report  # noqa: E402

LOAD = {"requests": 100, "p50_ms": 2.0, "p99_ms": 4.0}


@pytest.fixture
def results():
    ours = {"title": "ours", "does": "does much", "version": "abc", "start_up_s": 0.1, "idle_bytes": 3e6, "parked_bytes": 20 * 1024,
            "kinds": {"tiny": {"cpu_us": 50, **LOAD}}}
    cheap = {"title": "a <cheap> & small one", "does": "does little", "leaves_out": "keys", "kinds":
             {"tiny": {"cpu_us": 10, **LOAD}, "stream": {"not_run": "it answers with 500"}}}
    absent = {"title": "absent", "does": "", "leaves_out": "", "kinds": {}, "not_run": "there is no Go here"}
    return {"made": "2026-01-01", "command": "./build.sh bench peers", "processors": 2, "processor": "x", "load_average": 0.1,
            "parked": 500, "direct": {"tiny": {"p50_ms": 1.5, "p99_ms": 3.0}},
            "peers": {"ours-native": ours, "cheap": cheap, "absent": absent}}


def test_a_ratio_says_how_many_times_the_cpu_time_of_ours_another_takes(results):
    assert "| a <cheap> & small one | 10 (0.20) |" in report.tables(results)


def test_the_tables_say_which_peers_are_cheaper(results):
    assert "- tiny: a <cheap> & small one (0.20)" in report.tables(results)


def test_latency_is_what_a_peer_adds_to_a_direct_call(results):
    assert "| ours | 0.50 / 1.00 |" in report.tables(results)


def test_what_was_not_run_is_named_with_the_reason(results):
    text = report.tables(results)
    assert "**absent** was not run: there is no Go here." in text
    assert "stream was not run: it answers with 500." in text


def test_charts_are_well_formed_and_have_a_bar_for_each_figure(results):
    made = charts.charts(results)
    bars = {name: ElementTree.fromstring(text).findall("{http://www.w3.org/2000/svg}rect") for name, text in made.items()}
    assert {name: len(found) for name, found in bars.items()} == {"cpu-tiny.svg": 2, "latency-tiny.svg": 2, "parked.svg": 1}


def test_writing_replaces_only_what_is_between_the_marks(results, tmp_path, monkeypatch):
    path = tmp_path / "performance.md"
    path.write_text(f"before\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\nafter\n")
    monkeypatch.setattr(page, "PAGE", path)
    monkeypatch.setattr(page, "FIGURES", tmp_path / "figures")
    page.write(results)
    once = path.read_text()
    page.write(results)
    assert path.read_text() == once
    assert once.startswith(f"before\n\n{page.BEGIN}\n\nMade on 2026-01-01") and once.endswith(f"{page.END}\n\nafter\n")
    assert "old" not in once


def test_the_page_has_the_marks():
    text = page.PAGE.read_text()
    assert text.count(page.BEGIN) == text.count(page.END) == 1
