"""What the fakes of servers that speak like OpenAI's Images API have in common. What each of them takes, and how it
says no, is its own."""

import base64
import json
import math
import re
from itertools import count
from typing import Optional

from .behaviours import Behaviour, Raw, Reply
from .edit_forms import read_body
from .event_stream import stream_reply
from .multipart import NotAForm
from .sample_images import sample_image
from .server import FakeServer, Request

KEY = "sk-test-openai"
HTML = {status: Raw(status, {"Content-Type": "text/html"}, f"<html><body><h1>{status}</h1></body></html>")
        for status in (502, 503, 504, 524)}


class OpenAiLike(FakeServer):
    """`keys`: those it accepts; none: everybody. `change`: what becomes of the document of an answer."""

    base, path = "/v1", "/images/generations"
    query = ""                        # that each path needs
    fields = {}                       # name -> check, as in checks.py
    required = ("model", "prompt")
    links = False                     # whether images are links where nobody asks for base64
    image_format = "png"
    edit_paths = ()                   # of JSON with input images, where that has a path of its own
    edit_forms = {}                   # path -> EditForm

    def __init__(self, keys=(KEY,), change=None, port=0):
        super().__init__(port=port)
        self.keys = set(keys)
        self.change = change or (lambda document: document)
        self.url = self.origin + self.base
        self._numbers, self._files = count(1), {}

    # What a provider's fake says about itself

    def error(self, status: int, message: str, param: Optional[str] = None) -> Behaviour:
        """An error in the provider's own form."""
        raise NotImplementedError

    def wrong_key(self, request: Request) -> Optional[Behaviour]:
        match = re.fullmatch(r"Bearer (\S+)", request.headers.get("authorization", ""))
        if self.keys and (not match or match[1] not in self.keys):
            return self.error(401, "Incorrect API key provided.")
        return None

    def problem(self, body: dict) -> Optional[Behaviour]:
        """What is wrong with a request whose fields are right, each by itself."""

    def document(self, body: dict, data: list) -> dict:
        """The answer's document; `data` has its images in the form that was asked for."""
        raise NotImplementedError

    def size(self, body: dict) -> tuple:
        return tuple(map(int, body.get("size", "1024x1024").split("x")))

    def format(self, body: dict) -> str:
        return body.get("output_format", self.image_format)

    def count(self, body: dict) -> int:
        return body.get("n", 1)

    def is_link(self, body: dict) -> bool:
        return body.get("response_format", "url" if self.links else "b64_json") == "url"

    # Strictness

    @property
    def work(self) -> list:
        return [one for one in self.requests if self.is_scripted(one)]

    def is_scripted(self, head) -> bool:
        return head.path in [self.base + path for path in (self.path, *self.edit_paths, *self.edit_forms)]

    def edit_form(self, request):
        """The form that this path takes; none: it takes JSON."""
        return self.edit_forms.get(request.path[len(self.base):])

    def body_of(self, request) -> dict:
        return read_body(request) if self.edit_form(request) else request.json

    def wants_key(self, request) -> bool:
        return request.path not in self._files

    def refuse(self, request: Request) -> Optional[Reply]:
        if request.method == "GET" and request.path in self._files:
            return None
        error = self.wrong_key(request) or self.wrong_address(request) or self.wrong_body(request)
        return error and error.reply(None)

    def wrong_address(self, request: Request) -> Optional[Behaviour]:
        if request.method != "POST" or not self.is_scripted(request) or request.query != self.query:
            return self.error(404, f"There is nothing at {request.method} {request.path}?{request.query}")
        return None

    def wrong_body(self, request):
        if form := self.edit_form(request):
            return self.wrong_form(request, form)
        body = request.json
        if request.headers.get("content-type") != "application/json" or not isinstance(body, dict):
            return self.error(400, "The body is not a JSON object.")
        for name, value in body.items():
            if name not in self.fields:
                return self.error(400, f"Argument not supported: {name}", name)
            if problem := self.fields[name](value):
                return self.error(400, f"{name}: {problem[0]}", name)
        for name in self.required:
            if name not in body:
                return self.error(400, f"{name} is required", name)
        return self.problem(body)

    def wrong_form(self, request, form) -> Optional[Behaviour]:
        try:
            body = self.body_of(request)
        except NotAForm as problem:
            return self.error(400, str(problem))
        if wrong := form.problem(body):
            return self.error(400, *wrong)
        return self.problem(body)

    # The answer

    def accept(self, request: Request) -> Reply:
        if request.path in self._files:
            return Reply(200, {"Content-Type": "application/octet-stream"}, self._files[request.path])
        body = self._wanted(request)
        if body.get("stream"):
            return self.stream_reply(request)
        document = self._document(body)
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def _wanted(self, request: Request) -> dict:
        body = self.body_of(request)
        if form := self.edit_form(request):
            body["form"] = form
        return body

    def stream_reply(self, request: Request, style=None) -> Reply:
        """For those that stream, and so have a field for it."""
        body = self._wanted(request)
        return stream_reply(self._document(body), self.partials(body), style, output_format=self.format(body),
                            operation="image_edit" if request.path.endswith("/edits") else "image_generation")

    def partials(self, body: dict) -> int:
        return body.get("partial_images", 0)

    def _document(self, body: dict) -> dict:
        return self.change(self.document(body, [self._item(body) for _ in range(self.count(body))]))

    def made(self, body, number) -> bytes:
        """An image of the answer. Those that take input images as JSON paint on the first."""
        if "form" in body:
            return body["form"].made(body["files"], self.format(body), self.size_of_edit(body))
        return sample_image(*self.size(body), self.format(body), number)

    def size_of_edit(self, body):
        """None: that of the first input image."""

    def _item(self, body) -> dict:
        number = next(self._numbers)
        made = self.made(body, number)
        if not self.is_link(body):
            return {"b64_json": base64.b64encode(made).decode()}
        path = f"/files/{number}"
        self._files[path] = made
        return {"url": self.origin + path}


def matching(pattern: str):
    """A check, as those of checks.py: a text of this form."""
    def check(value):
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            return f"Input should match {pattern}", "string_pattern_mismatch"
    return check


def sides(ratio: str, side: int = 1024) -> tuple:
    """Width and height of about the area of a square of this side, multiples of 16."""
    wide, high = map(float, ("1:1" if ratio == "auto" else ratio).split(":"))
    return tuple(round(side * math.sqrt(part) / 16) * 16 for part in (wide / high, high / wide))


def sent(name):
    return lambda request: request.json.get(name)
