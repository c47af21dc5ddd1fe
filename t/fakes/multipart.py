"""Reads multipart/form-data as strictly as RFC 7578 lets a server."""

import re

from .edited import File

BOUNDARY = r"[0-9A-Za-z'()+_,\-./:=?]{1,70}"
DISPOSITION = re.compile(r'Content-Disposition: form-data; name="([^"\r\n]*)"')
FILE = re.compile(DISPOSITION.pattern + r'; filename="([^"\r\n]*)"\r\nContent-Type: ([!-~]+)')


class NotAForm(Exception):
    """What is wrong with the body, or with what its header says of it."""


def read_form(content_type: str, body: bytes) -> dict:
    """The fields of a form without files, by name."""
    fields, files = read_parts(content_type, body)
    if files:
        raise NotAForm(f"{files[0].field}: must not be a file")
    return fields


def read_parts(content_type: str, body: bytes) -> tuple:
    """The text fields by name, and the files in order. Nothing may stand before the first boundary or after the last; no text
    field may be there twice."""
    match = re.fullmatch(rf"multipart/form-data; boundary=({BOUNDARY})", content_type)
    if not match:
        raise NotAForm("content-type: must be multipart/form-data")
    line = b"--" + match[1].encode()
    if not body.startswith(line + b"\r\n") or not body.endswith(b"\r\n" + line + b"--\r\n"):
        raise NotAForm("body: must begin and end with the boundary")
    fields, files = {}, []
    for part in body[len(line) + 2 : -len(line) - 6].split(b"\r\n" + line + b"\r\n"):
        head, blank, text = part.partition(b"\r\n\r\n")
        file = FILE.fullmatch(head.decode())
        if blank and file:
            files.append(File(*file.groups(), text))
            continue
        disposition = DISPOSITION.fullmatch(head.decode())
        if not blank or not disposition:
            raise NotAForm(f"body: a part of the head {head[:200]!r}")
        if disposition[1] in fields:
            raise NotAForm(f"{disposition[1]}: is there twice")
        fields[disposition[1]] = text.decode()
    return fields, files
