"""Jobs whose worker dies."""

from .gateway import Gateway, until


def failed_job(g: Gateway, path: str, headers) -> dict:
    """The job's document when it has failed. The worker may be replaced meanwhile."""
    def look():
        try:
            reply = g.get(path, headers)
            return reply.status == 200 and reply.json["status"] == "failed" and reply.json
        except OSError:
            return None

    return until(look, 10)
