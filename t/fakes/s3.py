"""A store with the API of S3: one bucket, path-style. It checks every signature, and takes nothing that the API does not know."""

import re
import time
from urllib.parse import unquote
from xml.sax.saxutils import escape

from . import signature_v4
from .behaviours import Reply
from .connection import Head
from .server import FakeServer, Request

ACCESS_KEY, SECRET_KEY = "AKFAKEFAKEFAKE", "store-secret/+of-the-fake-store-0123456789"
HEADERS_OF_PUT = {"host", "accept", "user-agent", "content-length", "content-type", "cache-control", "authorization",
                  "x-amz-date", "x-amz-content-sha256", "expect"}


def error(status: int, code: str, message: str = "") -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
    return Reply(status, {"Content-Type": "application/xml"}, body.encode())


class S3(FakeServer):
    """`objects`: key to (bytes, headers). `ahead`: seconds by which its clock is ahead.

    Behaviours are for PUT; those of polls for lists and DELETE. Links are always served."""

    def __init__(self, bucket="pictures", region="us-east-1", public=False, **options):
        super().__init__(**options)
        self.bucket, self.region, self.public = bucket, region, public
        self.objects, self.ahead, self.in_host = {}, 0, False

    def is_scripted(self, head: Head) -> bool:
        return head.method == "PUT"

    def is_poll(self, head: Head) -> bool:
        return head.method == "DELETE" or "list-type=2" in head.query

    def refuse(self, request: Request):
        if self.public and request.method == "GET" and not request.query:
            return None
        try:
            signature_v4.check(request, {ACCESS_KEY: SECRET_KEY}, self.region, time.time() + self.ahead)
        except signature_v4.Refused as why:
            return error(400 if why.code.startswith("Authorization") else 403, why.code, str(why))
        if request.method == "PUT" and (extra := set(request.headers) - HEADERS_OF_PUT):
            return error(501, "NotImplemented", f"{extra}")
        if request.method == "PUT" and "content-length" not in request.headers:
            return error(411, "MissingContentLength")
        return None

    def accept(self, request: Request) -> Reply:
        path = unquote(request.path[1:], errors="strict")
        bucket, _, key = (request.headers["host"].partition(".")[0], "", path) if self.in_host else path.partition("/")
        if bucket != self.bucket:
            return error(404, "NoSuchBucket")
        with self._lock:
            return getattr(self, f"_{request.method.lower()}")(request, key)

    def _put(self, request, key):
        self.objects[key] = request.body, {name: request.headers[name] for name in ("content-type", "cache-control")
                                           if name in request.headers}
        return Reply(200, {"ETag": '"x"'}, b"")

    def _delete(self, request, key):
        self.objects.pop(key, None)
        return Reply(204, {}, b"")

    def _get(self, request, key):
        if not key:
            return self._list(dict(signature_v4.pairs_of(request.query)))
        if key not in self.objects:
            return error(404, "NoSuchKey")
        body, headers = self.objects[key]
        return Reply(200, headers, body)

    def _list(self, query):
        if not set(query) <= {"list-type", "prefix", "delimiter", "max-keys"} or query.get("list-type") != "2":
            return error(400, "InvalidArgument", str(query))
        prefix, delimiter, keys, groups = query.get("prefix", ""), query.get("delimiter"), [], []
        for key in sorted(self.objects):
            if key.startswith(prefix):
                head, found, _ = key[len(prefix):].partition(delimiter) if delimiter else ("", "", "")
                group = prefix + head + found
                if found and group not in groups:
                    groups.append(group)
                elif not found:
                    keys.append(key)
        most = int(query.get("max-keys", 1000))
        xml = "".join(f"<Contents><Key>{escape(key)}</Key><ETag>&quot;x&quot;</ETag></Contents>" for key in keys[:most])
        xml += "".join(f"<CommonPrefixes><Prefix>{escape(group)}</Prefix></CommonPrefixes>" for group in groups[:most])
        return Reply(200, {"Content-Type": "application/xml"},
                     f"<?xml version='1.0'?><ListBucketResult><Name>{self.bucket}</Name><Prefix>{escape(prefix)}</Prefix>{xml}"
                     "</ListBucketResult>".encode())

    @property
    def puts(self) -> list:
        return [request for request in self.requests if request.method == "PUT"]

    @property
    def lists(self) -> list:
        return [request for request in self.requests if "list-type=2" in request.query]


def group_of(key: str) -> str:
    """The group of an object below its prefix."""
    return re.fullmatch(r"(?:.*/)?(\d{8}T\d{6}Z)/[a-z2-7]{26}\.\w+", key)[1]
