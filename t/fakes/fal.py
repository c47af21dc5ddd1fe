"""Strict fakes of fal: of its endpoint that answers when the image is there, and of its queue.

    run = FalRun().start()
    run.next(ERRORS["refused_by_policy"]["content"], Result(lambda document: {**document, "seed": None}))

    queue = Fal().start()
    queue.next(Ends(ERRORS["refused_by_policy"]["content"]))           # what the result will be
    queue.next_poll(STATES["IN_QUEUE"], STATES["IN_PROGRESS"], Reset())
    queue.next_result(Raw(502))
    queue.work, queue.polls, queue.results, queue.cancels

Images lie under /files/, which wants no key."""

import json
import re
from dataclasses import dataclass
from itertools import count
from typing import Callable, Optional

from . import fal_rules as rules
from .behaviours import Behaviour, Json, Reply
from .case import Case, Probe
from .fal_errors import ERRORS, infrastructure
from .sample_images import sample_image
from .server import FakeServer, Request, Script

__all__ = ["CASE", "ERRORS", "Ends", "Fal", "FalRun", "KEY", "RUN_CASE", "Result", "STATES", "Submitted"]

KEY = "sk-test-openai"  # what the tests' environment holds
STATES = {"IN_QUEUE": Json({"status": "IN_QUEUE", "queue_position": 3}, 202),
          "IN_PROGRESS": Json({"status": "IN_PROGRESS", "logs": None}, 202),
          "COMPLETED": Json({"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.2}})}


@dataclass
class Result(Behaviour):
    """The normal result with something changed: `change` is given its document and returns the one to send."""

    change: Callable

    def reply(self, call) -> Reply:
        return json_reply(self.change(call.server.document(call.request)))


def json_reply(document, status=200) -> Reply:
    return Reply(status, {"Content-Type": "application/json", "x-fal-request-id": "80e732af"},
                 json.dumps(document).encode())


class FalRun(FakeServer):
    """`default_seed`: what is drawn where no seed is asked for."""

    def __init__(self, keys=(KEY,), default_seed=7001, tls=None, port=0):
        super().__init__(tls=tls, port=port)
        self.keys = {keys} if isinstance(keys, str) else set(keys)
        self.default_seed = default_seed
        self.url = self.origin
        self._numbers = count(1)
        self._files = {}

    def is_scripted(self, head) -> bool:
        return head.method == "POST"

    def wants_key(self, request) -> bool:
        return not request.path.startswith("/files/")

    @property
    def work(self) -> list:
        """The requests that asked for images."""
        return [one for one in self.requests if self.is_scripted(one)]

    # Strictness

    def refuse(self, request: Request) -> Optional[Reply]:
        if not self.wants_key(request):
            return None
        problem = self._wrong_key(request) or self._wrong_address(request) or self._wrong_body(request)
        return problem and problem.reply(None)

    def _wrong_key(self, request):
        given = [value for name, value in request.header_list if name == "authorization"]
        match = re.fullmatch(r"Key (\S+)", given[0]) if len(given) == 1 else None
        if not match or match[1] not in self.keys:
            return Json({"detail": f'Cannot access application "{request.path[1:]}". Authentication is required to '
                         "access this application."}, 401)

    def _wrong_address(self, request):
        model = request.path[1:]
        if request.query or not any(name.split("/")[:2] == model.split("/")[:2] for name in rules.SCHEMAS):
            return Json({"detail": f"Application '{'/'.join(model.split('/')[:2])}' not found"}, 404)
        if request.method != "POST":
            return Json({"detail": "Method Not Allowed"}, 405)
        if model not in rules.SCHEMAS:
            return Json({"detail": f"Path /{'/'.join(model.split('/')[2:])} not found"}, 404)

    def _wrong_body(self, request):
        if request.headers.get("content-type") != "application/json" or not isinstance(request.json, dict):
            return rules.refusal([rules.problem(["body"], "value is not a valid dict", "type_error.dict")])
        problems = rules.problems(request.path[1:], request.json)
        return rules.refusal(problems) if problems else None

    # The answer

    def accept(self, request: Request) -> Reply:
        if request.path.startswith("/files/"):
            return self._files.get(request.path) or Reply(404, {"Content-Type": "text/plain"}, b"no such file")
        return json_reply(self.document(request))

    def document(self, request: Request) -> dict:
        """The result of a good request."""
        body = request.json
        images = [self._file(request.path[1:], body) for _ in range(body.get("num_images", 1))]
        return {"images": images, "timings": {"inference": 0.9}, "seed": body.get("seed", self.default_seed),
                "has_nsfw_concepts": [False] * len(images), "prompt": body.get("prompt", "")}

    def _file(self, model, body) -> dict:
        edit = rules.edit_of(body)
        output_format = "png" if edit else body.get("output_format", "jpeg")
        width, height = rules.pixels(model, body)
        path = f"/files/x/{next(self._numbers)}.{output_format}"
        self._files[path] = Reply(200, {"Content-Type": f"image/{output_format}"},
                                  edit or sample_image(width, height, output_format, next(self._numbers)))
        if edit:
            width = height = None
        return {"url": self.origin + path, "width": width, "height": height, "content_type": f"image/{output_format}",
                "file_name": None, "file_size": None}


@dataclass
class Ends(Behaviour):
    """Takes the job, whose result will be this."""

    result: Behaviour

    def reply(self, call) -> Reply:
        return call.server.take_job(call.request, self.result)


@dataclass
class Submitted(Behaviour):
    """Takes the job, and tells of it with something changed."""

    change: Callable

    def reply(self, call) -> Reply:
        return json_reply(self.change(json.loads(call.server.take_job(call.request).body)))


@dataclass
class Job:
    request: Request
    result: Optional[Behaviour]  # nothing: images
    completed: bool = False
    cancelled: bool = False


@dataclass
class _Call:
    """What a behaviour needs to know that is played later than its request came."""

    server: FakeServer
    request: Request


class Fal(FalRun):
    """A job is completed when it is first asked for, unless `next_poll` says otherwise."""

    def __init__(self, **options):
        super().__init__(**options)
        self._jobs = {}
        self._results = Script()

    def is_poll(self, head) -> bool:
        return head.method == "GET" and re.search("/requests/[^/]+/status$", head.path) is not None

    def is_result(self, head) -> bool:
        return head.method == "GET" and re.search("/requests/[^/]+$", head.path) is not None

    def next_result(self, *behaviours: Behaviour):
        """The same as `next` for requests for the result of a job that is completed."""
        with self._lock:
            self._results.queue.extend(behaviours)

    def _script_for(self, head) -> Optional[Script]:
        return self._results if self.is_result(head) else super()._script_for(head)

    @property
    def polls(self) -> list:
        return [one for one in self.requests if self.is_poll(one)]

    @property
    def results(self) -> list:
        return [one for one in self.requests if self.is_result(one)]

    @property
    def cancels(self) -> list:
        return [one for one in self.requests if one.method == "PUT"]

    def _job(self, request):
        """The job, and what is asked of it. Its address leaves out what comes after owner and app."""
        match = re.fullmatch(r"/([^/]+/[^/]+)/requests/([^/]+)(?:/(status|cancel))?", request.path)
        job = match and self._jobs.get(match[2])
        if job and job.request.path[1:].split("/")[:2] == match[1].split("/"):
            return job, match[3] or "result"
        return None, None

    def _wrong_address(self, request):
        if "/requests/" not in request.path:
            return super()._wrong_address(request)
        job, what = self._job(request)
        if not job:
            return Json({"detail": "Request not found"}, 404)
        if request.method != ("PUT" if what == "cancel" else "GET"):
            return Json({"detail": "Method Not Allowed"}, 405)

    def _wrong_body(self, request):
        if "/requests/" not in request.path:
            return super()._wrong_body(request)
        if request.body:
            return infrastructure(400, "bad_request", "This request has no body.")

    def accept(self, request: Request) -> Reply:
        if self.is_scripted(request):
            return self.take_job(request)
        job, what = self._job(request)
        if not job:
            return super().accept(request)
        return getattr(self, "_" + what)(job)

    def take_job(self, request: Request, result: Optional[Behaviour] = None) -> Reply:
        identity = f"80e732af-660e-45cd-bd63-{next(self._numbers):012x}"
        self._jobs[identity] = Job(request, result)
        address = f"{self.origin}/{'/'.join(request.path[1:].split('/')[:2])}/requests/{identity}"
        return json_reply({"status": "IN_QUEUE", "request_id": identity, "queue_position": 0, "response_url": address,
                           "status_url": f"{address}/status", "cancel_url": f"{address}/cancel"})

    def _status(self, job: Job) -> Reply:
        job.completed = True
        return STATES["COMPLETED"].reply(None)

    def _result(self, job: Job) -> Reply:
        if not job.completed:
            return Json({"detail": "Request is still in progress"}, 400).reply(None)
        if job.result:
            return job.result.reply(_Call(self, job.request))
        return json_reply(self.document(job.request))

    def _cancel(self, job: Job) -> Reply:
        if job.completed:
            return json_reply({"status": "ALREADY_COMPLETED"}, 400)
        job.cancelled = True
        return json_reply({"status": "CANCELLATION_REQUESTED"}, 202)


def _sent(name):
    return lambda request: request.json.get(name)


PROBES = {"prompt": Probe("a red bicycle", _sent("prompt")), "n": Probe(2, _sent("num_images")),
          "size": Probe("1280x720", _sent("image_size"), {"width": 1280, "height": 720}),
          "seed": Probe(42, _sent("seed")), "output_format": Probe("png", _sent("output_format")),
          "num_inference_steps": Probe(20, _sent("num_inference_steps")),
          "guidance": Probe(4.5, _sent("guidance_scale")),
          "moderation": Probe("low", _sent("enable_safety_checker"), False)}
CASE = Case(api="fal", fake=Fal, model="fal-ai/flux/dev", most=4, makes="url", errors=ERRORS, probes=PROBES,
            running=STATES["IN_PROGRESS"], cancels=True)
RUN_CASE = Case(api="fal-run", fake=FalRun, model="fal-ai/flux/dev", most=4, makes="url", errors=ERRORS, probes=PROBES)
