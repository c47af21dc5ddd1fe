"""Reads what image_gateway_metrics answers."""

import re

SAMPLE = re.compile(r'(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """The samples of one scrape. metrics("name", label="value") is the sum of all samples with these labels."""

    def __init__(self, text: str):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = SAMPLE.fullmatch(line)
                assert match, line
                self.samples.append((match["name"], dict(LABEL.findall(match["labels"] or "")), float(match["value"])))
        keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in self.samples]
        assert len(keys) == len(set(keys)), "a series stands there twice"

    def __call__(self, name: str, **labels) -> float:
        return sum(value for _, value in self.having(name, labels))

    def having(self, name: str, labels: dict) -> list:
        return [(found, value) for one, found, value in self.samples
                if one == name and all(found.get(label) == text for label, text in labels.items())]

    def by(self, name: str, *labels) -> dict:
        """The sums for each combination of these labels."""
        sums = {}
        for found, value in self.having(name, {}):
            key = tuple(found.get(label, "") for label in labels)
            sums[key] = sums.get(key, 0) + value
        return sums

    @property
    def series(self) -> set:
        return {(name, tuple(sorted(labels.items()))) for name, labels, _ in self.samples}


def scrape(g, path: str = "/metrics", headers=()) -> Metrics:
    reply = g.get(path, headers)
    assert reply.status == 200, reply
    return Metrics(reply.text)
