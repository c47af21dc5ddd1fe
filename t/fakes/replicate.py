"""A strict fake of Replicate: `POST {base}/predictions` takes a prediction, and answers when it is done or has to wait.

    fake = Replicate().start()
    fake.next(UNFINISHED, Ends("failed", "NSFW content detected."))
    fake.next_poll(status("processing"), Reset())
    fake.work, fake.polls, fake.cancels

Images lie at /files/…, a path that wants no key, for as long as the fake lives."""

import re
import threading
from dataclasses import dataclass
from itertools import count
from typing import Optional

from . import replicate_rules as rules
from .behaviours import Behaviour, Json, Raw, Reply
from .case import Case, Probe
from .sample_images import sample_image
from .server import FakeServer, Request

__all__ = ["CASE", "ERRORS", "Ends", "KEY", "Replicate", "Slow", "Starts", "UNFINISHED", "refusal", "status"]

KEY = "sk-test-openai"  # the one that the gateways of the tests are given


def refusal(http: int, title: str, detail: str, headers=None, **more) -> Raw:
    return Json({"title": title, "detail": detail, "status": http, **more}, http, headers)


def status(word: str, **more) -> Raw:
    """A poll's answer, of a prediction that has made nothing."""
    return Json({"id": "gm3qorzdhgbfurvjtvhg6dckhu", "status": word, "output": None, "error": None, "logs": "",
                 "data_removed": False, **more})


@dataclass
class Starts(Behaviour):
    """Takes the prediction, which is not done when the wait is over. `more` replaces members of the answer."""

    word: str = "starting"
    more: Optional[dict] = None

    def reply(self, call) -> Reply:
        job = call.server.take_job(call.request)
        return Json({**call.server.prediction(job, self.word), **(self.more or {})}, 202).reply(None)


UNFINISHED = Starts()


@dataclass
class Ends(Behaviour):
    """Takes the prediction, which comes to this: within the wait, or when it is asked for."""

    word: str
    error: Optional[str] = None
    output: object = None
    later: bool = False

    def reply(self, call) -> Reply:
        job = call.server.take_job(call.request)
        job.end = {"status": self.word, "error": self.error, "output": self.output}
        if self.later:
            return Json(call.server.prediction(job, "processing"), 202).reply(None)
        return Json(call.server.prediction(job), 201).reply(None)


@dataclass
class Job:
    number: int
    request: Request
    end: Optional[dict] = None  # nothing: images


class Replicate(FakeServer):
    def __init__(self, keys=(KEY,), base="/v1", tls=None, port=0):
        super().__init__(tls=tls, port=port)
        self.keys = {keys} if isinstance(keys, str) else set(keys)
        self.url = self.origin + base
        self.path = f"{base}/predictions"
        self._numbers = count(1)
        self._jobs = {}
        self.files = {}

    def is_scripted(self, head) -> bool:
        return head.method == "POST" and head.path == self.path

    def is_poll(self, head) -> bool:
        return head.method == "GET" and head.path.startswith(f"{self.path}/")

    def is_cancel(self, head) -> bool:
        return head.method == "POST" and re.fullmatch(f"{self.path}/[^/]+/cancel", head.path) is not None

    def wants_key(self, request) -> bool:
        return not request.path.startswith("/files/")

    @property
    def work(self) -> list:
        """The requests that asked for images."""
        return [one for one in self.requests if self.is_scripted(one)]

    @property
    def polls(self) -> list:
        return [one for one in self.requests if self.is_poll(one)]

    @property
    def cancels(self) -> list:
        return [one for one in self.requests if self.is_cancel(one)]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        if not self.wants_key(request):
            return None
        refused = self._wrong_key(request) or self._wrong_address(request)
        if not refused and self.is_scripted(request):
            refused = self._wrong_headers(request) or self._wrong_body(request.json)
        return refused and refused.reply(None)

    def _wrong_key(self, request):
        given = [value for name, value in request.header_list if name == "authorization"]
        if not given:
            return refusal(401, "Unauthenticated", "You did not pass an authentication token")
        match = re.fullmatch(r"Bearer (\S+)", given[0])
        if len(given) > 1 or not match or match[1] not in self.keys:
            return Json({"detail": "Invalid or expired API token."}, 401)

    def _wrong_address(self, request):
        known = self.is_scripted(request) or self._job_at(request.path) is not None
        if not known or request.query:
            return Json({"detail": "The requested resource could not be found.", "status": 404}, 404)

    @staticmethod
    def _wrong_headers(request):
        if request.headers.get("content-type") != "application/json":
            return refusal(400, "Bad request", "Content-Type should be application/json")
        if not re.fullmatch(r"wait(=([1-9]|[1-5][0-9]|60))?|", request.headers.get("prefer", "")):
            return refusal(400, "Bad request", "Prefer should be wait, or wait=n with n from 1 to 60")
        match = re.fullmatch(r"(\d+)([sm])", request.headers.get("cancel-after", "5s"))
        if not match or not 5 <= int(match[1]) * {"s": 1, "m": 60}[match[2]] <= 86400:
            return refusal(400, "Bad request", "Cancel-After should be a time from 5s to 24h")

    @staticmethod
    def _wrong_body(body):
        if not isinstance(body, dict):
            return refusal(400, "Bad request", "The body should be a JSON object")
        known = {"version": str, "input": dict, "webhook": str, "webhook_events_filter": list}
        for name, value in body.items():
            if name not in known or not isinstance(value, known[name]):
                return _invalid(name, "is not expected")
        for name in ("version", "input"):
            if name not in body:
                return _invalid(name, "is required")
        model = body["version"].partition(":")[0]
        if model not in rules.MODELS:
            return refusal(422, "Invalid version or not permitted", "The specified version does not exist (or perhaps "
                           "you don't have permission to use it?)")
        wrong = rules.problem(model, body["input"])
        return wrong and _invalid(f"input.{wrong[0]}", wrong[1])

    # The answers

    def accept(self, request: Request) -> Reply:
        if not self.wants_key(request):
            return self.files.get(request.path) or Reply(404, {"Content-Type": "text/plain"}, b"gone")
        if self.is_scripted(request):
            return Json(self.prediction(self.take_job(request)), 201).reply(None)
        job = self._job_at(request.path)
        if self.is_cancel(request):
            job.end = job.end or {"status": "canceled", "error": None, "output": None}
        return Json(self.prediction(job)).reply(None)

    def take_job(self, request: Request) -> Job:
        job = Job(next(self._numbers), request)
        self._jobs[f"{job.number:04d}qorzdhgbfurvjtvhg6dckhu"] = job
        return job

    def _job_at(self, path: str) -> Optional[Job]:
        return self._jobs.get(path.removeprefix(f"{self.path}/").removesuffix("/cancel"))

    def prediction(self, job: Job, unfinished: str = "") -> dict:
        """The document of a prediction: done, or as it is when it is not."""
        identity = next(name for name, one in self._jobs.items() if one is job)
        address = f"{self.origin}{self.path}/{identity}"
        body = job.request.json
        document = {"id": identity, "model": body["version"], "version": "hidden", "input": body["input"], "logs": "",
                    "output": None, "data_removed": False, "error": None, "status": unfinished,
                    "created_at": "2026-01-01T00:00:00.000Z",
                    "urls": {"get": address, "cancel": f"{address}/cancel",
                             "web": f"https://replicate.com/p/{identity}"}}
        if unfinished:
            return document
        document.update({"started_at": "2026-01-01T00:00:01.000Z", "completed_at": "2026-01-01T00:00:02.000Z",
                         "metrics": {"predict_time": 0.61, "total_time": 0.9}})
        return {**document, **(job.end or {"status": "succeeded", "output": self._output(job)})}

    def _output(self, job: Job):
        body = job.request.json
        model = body["version"].partition(":")[0]
        links = []
        edit = rules.edit_of(model, body["input"])
        for index, made in enumerate(rules.images_of(model, body["input"])):
            kind = "png" if edit else made.format
            path = f"/files/{job.number}/out-{index}.{kind}"
            self.files[path] = Reply(200, {"Content-Type": f"image/{kind}"}, edit or sample_image(
                made.width, made.height, made.format, 16 * job.number + index))
            links.append(self.origin + path)
        return links if model in rules.LISTS else links[0]


def _invalid(field: str, description: str) -> Raw:
    return refusal(422, "Input validation failed", f"- {field}: {description}",
                   invalid_fields=[{"field": field, "description": description, "type": "invalid"}])


def _page(http: int, title: str) -> Raw:
    return Raw(http, {"Content-Type": "text/html"}, f"<html><head><title>{http} {title}</title></head></html>")


_NSFW = "NSFW content detected. Try running it again, or try a different prompt."
_SENSITIVE = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
_THROTTLED = "Request was throttled. Your rate limit resets in ~30s."

ERRORS = {
    "callers_fault": {
        "invalid_input": _invalid("input.aspect_ratio", "aspect_ratio must be one of the following: 1:1"),
        "bad_json": refusal(400, "Bad request", "The body is no JSON"),
    },
    "our_credentials": {
        "no_token": refusal(401, "Unauthenticated", "You did not pass an authentication token"),
        "bad_token": Json({"detail": "Invalid or expired API token."}, 401),
        "no_access": Json({"detail": "You do not have access to this resource."}, 403),
    },
    "out_of_quota": {
        "insufficient_credit": refusal(402, "Insufficient credit",
                                       "You have insufficient credit to run this model."),
    },
    "not_here": {
        "not_found": Json({"detail": "The requested resource could not be found.", "status": 404}, 404),
        "no_such_version": refusal(422, "Invalid version or not permitted", "The specified version does not exist (or "
                                   "perhaps you don't have permission to use it?)"),
    },
    "throttled": {
        "throttled": Json({"detail": _THROTTLED, "status": 429}, 429),
        "throttled_with_header": Json({"detail": _THROTTLED, "status": 429}, 429, {"Retry-After": "9"}),
    },
    "broken": {
        "internal": refusal(500, "Internal server error", "Something went wrong"),
        "unavailable": refusal(503, "Service unavailable", "Try again later"),
        "failed": Ends("failed", "Prediction failed: CUDA out of memory (E1001)"),
        "failed_later": Ends("failed", "Prediction interrupted; please retry (code: PA)", later=True),
        "failed_without_a_word": Ends("failed"),
        "aborted": Ends("aborted"),
    },
    "refused_by_policy": {
        "nsfw": Ends("failed", _NSFW),
        "nsfw_later": Ends("failed", _NSFW, later=True),
        "sensitive": Ends("failed", _SENSITIVE),
        "moderated_by_the_model_s_maker": Ends("failed", "Content Moderated"),
    },
    "unknown": {
        "bad_gateway": _page(502, "Bad Gateway"),
        "gateway_timeout": _page(504, "Gateway Time-out"),
        "internal_page": _page(500, "Internal Server Error"),
        "canceled": Ends("canceled"),
        "succeeded_with_nothing": Ends("succeeded"),
        "succeeded_with_text": Ends("succeeded", output=["a kite"], later=True),
        "goes_on_nowhere": Starts(more={"urls": {}}),
    },
}


class Slow(Replicate):
    """Its predictions run until the test sets `ready`, or ends one of them."""

    def __init__(self):
        super().__init__()
        self.ready = threading.Event()
        self.always(UNFINISHED)

    def accept(self, request):
        if self.is_poll(request) and not self.ready.is_set():
            job = self._job_at(request.path)
            if job.end is None:
                return Json(self.prediction(job, "processing")).reply(None)
        return super().accept(request)


def told(name):
    return lambda request: request.json["input"].get(name)


CASE = Case(
    api="replicate", fake=Replicate, model="black-forest-labs/flux-schnell", makes="url", most=4, errors=ERRORS,
    running=status("processing"), taken=UNFINISHED, cancels=True,
    probes={"prompt": Probe("a red kite", told("prompt")), "n": Probe(2, told("num_outputs")),
            "aspect_ratio": Probe("16:9", told("aspect_ratio")),
            "resolution": Probe("512", told("megapixels"), told="0.25"),
            "output_format": Probe("jpeg", told("output_format"), told="jpg"),
            "output_compression": Probe(55, told("output_quality"), beside={"output_format": "webp"}),
            "moderation": Probe("low", told("disable_safety_checker"), told=True), "seed": Probe(42, told("seed")),
            "num_inference_steps": Probe(2, told("num_inference_steps"))})
