"""AWS Signature Version 4 as a server checks it, written from its description and used by the fake of a store.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""

import hashlib
import hmac
import re
import time
from calendar import timegm
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
LATEST = 15 * 60  # seconds that clocks may differ
EXPIRES = 7 * 24 * 3600


class Refused(Exception):
    """`code` and what a server would say."""

    def __init__(self, code, message=""):
        super().__init__(message)
        self.code = code


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _seconds(date: str) -> int:
    if not re.fullmatch(r"\d{8}T\d{6}Z", date):
        raise Refused("AccessDenied", f"date {date!r}")
    return timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))


def pairs_of(query: str) -> list:
    """Names and values. A query that is not encoded as the signature has it is refused."""
    pairs = []
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        pair = unquote(name, errors="strict"), unquote(value, errors="strict")
        if not equals or f"{_encoded(pair[0])}={_encoded(pair[1])}" != part:
            raise Refused("InvalidURI", part)
        pairs.append(pair)
    return pairs


def signature(secret, scope, date, method, path, pairs, headers, payload) -> str:
    canonical = "\n".join([
        method, path, "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)),
        *(f"{name}:{re.sub(' +', ' ', value.strip())}" for name, value in headers), "",
        ";".join(name for name, _ in headers), payload])
    text = "\n".join([ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check(request, keys: dict, region: str, now: float):
    """Raises Refused unless the request, or the link, is signed by one of the keys for this region and time."""
    pairs = pairs_of(request.query)
    if "X-Amz-Signature" in dict(pairs):
        _check_link(request, pairs, keys, region, now)
    elif "authorization" in request.headers:
        _check_header(request, pairs, keys, region, now)
    else:
        raise Refused("AccessDenied", "nothing is signed")


def _check_header(request, pairs, keys, region, now):
    match = re.fullmatch(rf"{ALGORITHM} Credential=([^/,]+)/([^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{{64}})",
                         request.headers["authorization"])
    if not match:
        raise Refused("AuthorizationHeaderMalformed")
    date = request.headers.get("x-amz-date", "")
    if abs(_seconds(date) - now) > LATEST:
        raise Refused("RequestTimeTooSkewed")
    payload = request.headers.get("x-amz-content-sha256")
    if payload != hashlib.sha256(request.body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch")
    names = match[3].split(";")
    must = {"host"} | {name for name in request.headers if name.startswith("x-amz-")} | {"content-type"} & set(request.headers)
    if names != sorted(set(names)) or not must <= set(names):
        raise Refused("AccessDenied", f"signed headers are {names}")
    _compare(match[1], match[2], match[4], request, date, pairs, names, payload, keys, region)


def _check_link(request, pairs, keys, region, now):
    values = dict(pairs)
    if len(values) != len(pairs) or values.get("X-Amz-Algorithm") != ALGORITHM or request.method not in ("GET", "HEAD"):
        raise Refused("AuthorizationQueryParametersError")
    date, expires = values["X-Amz-Date"], values["X-Amz-Expires"]
    if not re.fullmatch(r"[1-9]\d*", expires) or int(expires) > EXPIRES:
        raise Refused("AuthorizationQueryParametersError", expires)
    if _seconds(date) > now + LATEST:
        raise Refused("AccessDenied", "Request is not yet valid")
    if now >= _seconds(date) + int(expires):
        raise Refused("AccessDenied", "Request has expired")
    access_key, _, scope = values["X-Amz-Credential"].partition("/")
    signed = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]
    _compare(access_key, scope, values["X-Amz-Signature"], request, date, signed,
             values["X-Amz-SignedHeaders"].split(";"), "UNSIGNED-PAYLOAD", keys, region)


def _compare(access_key, scope, given, request, date, pairs, names, payload, keys, region):
    if scope != f"{date[:8]}/{region}/s3/aws4_request":
        raise Refused("AuthorizationHeaderMalformed", f"the scope is {scope}")
    if access_key not in keys:
        raise Refused("InvalidAccessKeyId")
    headers = [(name, request.headers.get(name, "")) for name in names]
    right = signature(keys[access_key], scope, date, request.method, request.path, pairs, headers, payload)
    if given != right:
        raise Refused("SignatureDoesNotMatch", right)
