"""A receiver of webhooks: strict about what Standard Webhooks (https://www.standardwebhooks.com) says a message has."""

import base64
import hashlib
import hmac
import json
import time
from typing import Optional

from .behaviours import Reply
from .server import FakeServer, Request

TOLERANCE = 300  # seconds, as the libraries of receivers have it


def signature(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """By the document of Standard Webhooks, and not by the gateway's code."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return "v1," + base64.b64encode(hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()).decode()


class WebhookReceiver(FakeServer):
    """Answers 204 to a message that one of `secrets` has signed, 401 to others, and 400 to what is no message."""

    def __init__(self, secrets=(), **options):
        super().__init__(**options)
        self.secrets = list(secrets)

    def wants_key(self, request: Request) -> bool:
        return False

    def refuse(self, request: Request) -> Optional[Reply]:
        problem = self.problem(request)
        if problem:
            return Reply(400, {"Content-Type": "text/plain"}, problem.encode())
        given = request.headers["webhook-signature"].split(" ")
        expected = {signature(secret, request.headers["webhook-id"], request.headers["webhook-timestamp"], request.body)
                    for secret in self.secrets}
        return None if expected & set(given) else Reply(401, {}, b"")

    @staticmethod
    def problem(request: Request) -> str:
        headers = request.headers
        if request.method != "POST" or headers.get("content-type") != "application/json":
            return "not a POST of application/json"
        if {"authorization", "cookie", "expect"} & set(headers):
            return "a header that does not belong there"
        if not headers.get("webhook-id", "").startswith("msg_"):
            return "no webhook-id"
        if abs(time.time() - int(headers.get("webhook-timestamp", "0"))) > TOLERANCE:
            return "no webhook-timestamp of now"
        message = request.json
        if not isinstance(message, dict) or set(message) != {"type", "timestamp", "data"} or len(request.body) > 20_000:
            return "the body is no message"
        return "" if json.dumps(message, separators=(",", ":")).encode() == request.body else "the body is not compact"

    def accept(self, request: Request) -> Reply:
        return Reply(204, {}, b"")

    # What came

    @property
    def messages(self) -> list:
        """Those that were right, in order: pairs of id and body."""
        return [(one.headers["webhook-id"], one.json) for one in self.requests if one.complete and one.refused is None]

    @property
    def ids(self) -> set:
        return {id for id, _ in self.messages}
