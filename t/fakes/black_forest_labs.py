"""A strict fake of Black Forest Labs' API: `POST {base}/MODEL` takes a job, `GET {base}/get_result?id=…` tells of it.

    fake = BlackForestLabs().start()
    fake.next(ERRORS["out_of_quota"]["insufficient_credits"], Ends("Content Moderated"))
    fake.next_poll(state("Pending"), state("Generating"), Reset())
    fake.work, fake.polls, fake.cost = 4.5

Images lie at /results/…, a path that wants no key, for as long as the fake lives."""

import time
from dataclasses import dataclass, field
from itertools import count
from typing import Optional
from urllib.parse import parse_qs

from . import black_forest_labs_rules as rules
from .behaviours import Behaviour, Json, Raw, Reply
from .case import Case, Probe
from .sample_images import sample_image
from .server import FakeServer, Request

__all__ = ["BlackForestLabs", "CASE", "ERRORS", "Ends", "KEY", "state"]

KEY = "sk-test-openai"  # the one that the gateways of the tests are given
EXPANDED = "flux-3-image"  # whose answer holds the prompt as it was expanded


def document(status: str, **more) -> dict:
    """What a poll is answered, of a job without a result."""
    return {"id": "d5ba37dc-ba09-4658-852e-deea7e176439", "status": status, "result": None, "progress": None,
            "details": None, "preview": None, **more}


def state(status: str, http: int = 200, **more) -> Raw:
    """A poll's answer."""
    return Json(document(status, **more), http)


@dataclass
class Ends(Behaviour):
    """Takes the job, which will have come to this when it is asked for."""

    status: str
    http: int = 200
    more: dict = field(default_factory=dict)

    def reply(self, call) -> Reply:
        return call.server.take_job(call.request, state(self.status, self.http, **self.more))


@dataclass
class Job:
    number: int
    request: Request
    end: Optional[Raw]  # nothing: an image


class BlackForestLabs(FakeServer):
    """`cost`: the credits that a submit tells. `tells_seed`: whether results repeat the seed."""

    def __init__(self, keys=(KEY,), cost=3.0, tells_seed=True, base="/v1", tls=None, port=0):
        super().__init__(tls=tls, port=port)
        self.keys = {keys} if isinstance(keys, str) else set(keys)
        self.cost, self.tells_seed = cost, tells_seed
        self.base = base
        self.url = self.origin + base
        self._numbers = count(1)
        self._jobs = {}
        self._files = {}

    def is_scripted(self, head) -> bool:
        return head.method == "POST" and head.path.startswith(f"{self.base}/")

    def is_poll(self, head) -> bool:
        return head.method == "GET" and head.path == f"{self.base}/get_result"

    def wants_key(self, request) -> bool:
        return not request.path.startswith("/results/")

    @property
    def work(self) -> list:
        """The requests that asked for images."""
        return [one for one in self.requests if self.is_scripted(one)]

    @property
    def polls(self) -> list:
        return [one for one in self.requests if self.is_poll(one)]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        if not self.wants_key(request):
            return None
        refusal = self._wrong_key(request) or self._wrong_address(request)
        if not refusal and request.method == "POST":
            refusal = self._wrong_body(request)
        return refusal and refusal.reply(None)

    def _wrong_key(self, request):
        given = [value for name, value in request.header_list if name == "x-key"]
        if len(given) != 1 or given[0] not in self.keys:
            return Json({"detail": "Not authenticated"}, 403)

    def _wrong_address(self, request):
        if self.is_poll(request):
            return None
        endpoint = request.path.removeprefix(f"{self.base}/")
        if endpoint not in rules.ENDPOINTS or request.query:
            return Json({"detail": "Not Found"}, 404)
        if request.method != "POST":
            return Json({"detail": "Method Not Allowed"}, 405)

    def _wrong_body(self, request):
        if request.headers.get("content-type") != "application/json":
            return rules.invalid(["body"], "Input should be a valid dictionary", "model_attributes_type")
        if not isinstance(request.json, dict):
            return rules.invalid(["body", 0], "JSON decode error", "json_invalid")
        problems = rules.problems(self.endpoint(request), request.json)
        return Json({"detail": problems}, 422) if problems else None

    def endpoint(self, request) -> str:
        return request.path.removeprefix(f"{self.base}/")

    # The answers

    def accept(self, request: Request) -> Reply:
        if request.path in self._files:
            return self._files[request.path]
        if self.is_scripted(request):
            return self.take_job(request)
        if self.is_poll(request):
            job = self._jobs.get(parse_qs(request.query).get("id", [""])[0])
            return (self._result(job) if job else state("Task not found", 404)).reply(None)
        return Reply(404, {"Content-Type": "application/xml"}, b"<Error><Code>BlobNotFound</Code></Error>")

    def take_job(self, request: Request, end: Optional[Raw] = None) -> Reply:
        job = Job(next(self._numbers), request, end)
        identity = f"{job.number:08x}-ba09-4658-852e-deea7e176439"
        self._jobs[identity] = job
        return Json({"id": identity, "polling_url": f"{self.url}/get_result?id={identity}", "cost": self.cost,
                     "input_mp": 0.0, "output_mp": 1.05}).reply(None)

    def _result(self, job: Job) -> Raw:
        if job.end:
            return job.end
        endpoint, body = self.endpoint(job.request), job.request.json
        edit = rules.edit_of(body)
        made = rules.image_of(endpoint, body)
        kind = "png" if edit else made.format
        path = f"/results/{job.number}/sample.{kind}"
        self._files[path] = Reply(200, {"Content-Type": f"image/{kind}"},
                                  edit or sample_image(made.width, made.height, made.format, job.number))
        now = time.time()
        result = {"sample": f"{self.origin}{path}?se=2026-01-01T00%3A10%3A00Z&sig=xx", "prompt": body["prompt"],
                  "start_time": now - 4.8, "end_time": now, "duration": 4.8}
        if endpoint == EXPANDED:
            result["prompt"] += ", in rich detail"
        elif self.tells_seed:
            result["seed"] = body.get("seed") or job.number
        return state("Ready", result=result)


def _page(status: int, title: str) -> Raw:
    return Raw(status, {"Content-Type": "text/html"}, f"<html><head><title>{status} {title}</title></head></html>")


ERRORS = {
    "callers_fault": {
        "width": rules.invalid(["body", "width"], "Input should be a multiple of 32", "multiple_of"),
        "malformed": Json({"detail": "There was an error parsing the body"}, 400),
        "another form": Json({"error": "invalid_request", "message": "Prompt must not be empty"}, 400),
    },
    "our_credentials": {
        "not_authenticated": Json({"detail": "Not authenticated"}, 403),
        "invalid_format": Json({"detail": "Invalid API key format"}, 422),
        "unauthorized": Json({"detail": "Unauthorized"}, 401),
    },
    "out_of_quota": {"insufficient_credits": Json({"detail": "Insufficient credits"}, 402)},
    "not_here": {"unknown_endpoint": Json({"detail": "Not Found"}, 404)},
    "throttled": {
        "too_many_tasks": Json({"detail": "Too many active tasks"}, 429),
        "with_retry_after": Json({"detail": "Too many active tasks"}, 429, {"Retry-After": "7"}),
    },
    "broken": {
        "server_error": Json({"detail": "Internal Server Error"}, 500),
        "unavailable": Json({"detail": "Service temporarily unavailable"}, 503),
        "job_error": Ends("Error", more={"details": {"reason": "worker lost"}}),
        "job_error_with_422": Ends("Error", 422, {"details": {"reason": "worker lost"}}),
        "job_error_with_503": Ends("Error", 503),
        "job_failed": Ends("Failed"),
    },
    "refused_by_policy": {
        "request_moderated": Ends("Request Moderated", more={"details": {"Moderation Reasons": ["Violence"]}}),
        "content_moderated": Ends("Content Moderated", more={"details": {"Moderation Reasons": ["Nudity"]}}),
    },
    "unknown": {
        "bad_gateway": _page(502, "Bad Gateway"),
        "gateway_timeout": _page(504, "Gateway Time-out"),
        "internal_page": _page(500, "Internal Server Error"),
        "no_job": Json({"id": "x", "cost": 3.0}),
        "task_not_found": Ends("Task Not Found"),
        "ready_without_an_image": Ends("Ready", more={"result": {"sample": None}}),
    },
}


def sent(name):
    return lambda request: request.json.get(name)


CASE = Case(
    api="black-forest-labs", fake=BlackForestLabs, model="flux-2-flex", makes="url", errors=ERRORS,
    running=state("Pending", progress=0.3),
    probes={"prompt": Probe("a red kite", sent("prompt")),
            "size": Probe("1536x1024", lambda request: f"{request.json['width']}x{request.json['height']}"),
            "output_format": Probe("webp", sent("output_format")),
            "moderation": Probe("low", sent("safety_tolerance"), told=5),
            "seed": Probe(42, sent("seed")),
            "num_inference_steps": Probe(30, sent("steps")), "guidance": Probe(2.5, sent("guidance"))})
