"""An OpenTelemetry collector: takes OTLP/HTTP JSON at /v1/traces, and is strict about its shape."""

import json
import re

from .behaviours import Reply
from .server import FakeServer, Request

SPAN = {"traceId", "spanId", "parentSpanId", "traceState", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
        "attributes", "links", "status"}
DIGITS = re.compile(r"-?\d{1,20}")


class Wrong(Exception):
    """What is not OTLP/HTTP JSON."""


def check(right: bool, what):
    if not right:
        raise Wrong(str(what))


def check_id(value, size: int):
    check(isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value) and set(value) != {"0"}, f"id {value!r}")


def read_attributes(items) -> dict:
    check(isinstance(items, list), items)
    found = {}
    for item in items:
        check(set(item) == {"key", "value"} and item["key"] and item["key"] not in found and len(item["value"]) == 1, item)
        (kind, value), = item["value"].items()
        check({"stringValue": lambda: isinstance(value, str),
               "intValue": lambda: isinstance(value, str) and DIGITS.fullmatch(value),
               "doubleValue": lambda: isinstance(value, (int, float)) and not isinstance(value, bool),
               "boolValue": lambda: isinstance(value, bool)}.get(kind, lambda: False)(), item)
        found[item["key"]] = int(value) if kind == "intValue" else value
    return found


class Span:
    """One span as it came, with its attributes by name."""

    def __init__(self, item: dict, service: str):
        check(set(item) <= SPAN and {"traceId", "spanId", "name", "kind"} <= set(item), f"members {set(item)}")
        check_id(item["traceId"], 16)
        check_id(item["spanId"], 8)
        if "parentSpanId" in item:
            check_id(item["parentSpanId"], 8)
        for link in item.get("links", ()):
            check(set(link) <= {"traceId", "spanId", "traceState", "attributes"}, link)
            check_id(link["traceId"], 16)
            check_id(link["spanId"], 8)
        times = [item[name] for name in ("startTimeUnixNano", "endTimeUnixNano")]
        check(all(isinstance(one, str) and re.fullmatch(r"\d{19}", one) for one in times), times)
        check(int(times[0]) <= int(times[1]), times)
        check(type(item["kind"]) is int and item["kind"] in (1, 2, 3), item["kind"])
        check(isinstance(item["name"], str) and item["name"], item["name"])
        check(type(item.get("flags", 0)) is int and item.get("flags", 1) & 1, item.get("flags"))
        status = item.get("status", {})
        check(set(status) <= {"code", "message"} and type(status.get("code", 0)) is int and 0 <= status.get("code", 0) <= 2, status)
        self.trace, self.id, self.parent = item["traceId"], item["spanId"], item.get("parentSpanId")
        self.name, self.kind, self.state = item["name"], item["kind"], item.get("traceState", "")
        self.links = [(one["traceId"], one["spanId"]) for one in item.get("links", ())]
        self.failed = status.get("code") == 2
        self.begin, self.end = map(int, times)
        self.attributes = read_attributes(item.get("attributes", []))
        self.service = service

    def __getitem__(self, key):
        return self.attributes.get(key)

    def __repr__(self):
        return f"<{self.name} {self.kind} {self.trace[:6]}/{self.id} of {self.parent}: {self.attributes}>"


def read_document(text) -> list:
    document = json.loads(text)
    check(set(document) == {"resourceSpans"} and document["resourceSpans"], document.keys())
    spans = []
    for one in document["resourceSpans"]:
        check(set(one) <= {"resource", "scopeSpans", "schemaUrl"}, one.keys())
        service = read_attributes(one["resource"]["attributes"])["service.name"]
        for scoped in one["scopeSpans"]:
            check(set(scoped) <= {"scope", "spans", "schemaUrl"} and scoped["spans"], scoped.keys())
            check(scoped["scope"]["name"] == "image-gateway", scoped["scope"])
            spans += [Span(item, service) for item in scoped["spans"]]
    return spans


class Collector(FakeServer):
    """`spans`: what it has taken. `documents`: how many spans each document had, with those that were refused."""

    def __init__(self, tls=None, port=0):
        super().__init__(tls=tls, port=port)
        self.url = f"{self.origin}/v1/traces"
        self.spans, self.documents = [], []

    def refuse(self, request: Request):
        try:
            check(request.method == "POST" and request.path == "/v1/traces" and not request.query, request.path)
            check(request.headers.get("content-type") == "application/json", request.headers)
            check(not {"traceparent", "tracestate", "authorization"} & set(request.headers), request.headers)
            with self._lock:
                self.documents.append(len(read_document(request.body)))
        except (Wrong, ValueError, KeyError, TypeError, AttributeError) as problem:
            return Reply(400, {"Content-Type": "application/json"}, json.dumps({"message": repr(problem)}).encode())
        return None

    def accept(self, request: Request) -> Reply:
        with self._lock:
            self.spans += read_document(request.body)
            self._lock.notify_all()
        return Reply(200, {"Content-Type": "application/json"}, b'{"partialSuccess":{}}')

    def wait_spans(self, count: int, timeout: float = 10) -> list:
        """So many spans, and no more."""
        self.wait(lambda: len(self.spans) >= count or self.refusals_now(), timeout)
        assert not self.refusals, self.refusals
        assert len(self.spans) == count, self.spans
        return list(self.spans)

    def refusals_now(self) -> bool:
        return any(one.refused is not None for one in self._requests)

    def of_kind(self, kind: int) -> list:
        return [one for one in self.spans if one.kind == kind]
