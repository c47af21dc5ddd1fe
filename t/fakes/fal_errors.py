"""fal's errors, by what they mean for the gateway: lists of a model's own, and texts of all around it."""

from .behaviours import Json, Raw


def own(status: int, kind: str, message: str, *place) -> Raw:
    """A model's own error."""
    problem = {"loc": ["body", *place], "msg": message, "type": kind, "url": f"https://docs.fal.ai/errors#{kind}",
               "ctx": {}, "input": "…"}
    return Json({"detail": [problem]}, status, {"X-Fal-Retryable": "false"})


def infrastructure(status: int, kind: str, message: str) -> Raw:
    return Json({"detail": message, "error_type": kind}, status, {"X-Fal-Error-Type": kind})


ERRORS = {
    "callers_fault": {
        "value": own(422, "value_error", "Invalid value.", "guidance_scale"),
        "missing": own(422, "missing", "field required", "prompt"),
        "too_many": own(422, "greater_than", "Must be at least 1.", "num_images"),
        "feature": own(422, "feature_not_supported", "This feature is not supported."),
        "bad_request": infrastructure(400, "bad_request", "Bad request"),
    },
    "refused_by_policy": {
        "content": own(422, "content_policy_violation",
                       "The content could not be processed because it was flagged by a content checker.", "prompt"),
    },
    "our_credentials": {
        "no_key": Json({"detail": 'Cannot access application "fal-ai/flux". Authentication is required to access this '
                        "application."}, 401),
        "forbidden": Json({"detail": "You do not have access to this application."}, 403),
    },
    "out_of_quota": {
        "balance": Json({"detail": "User is locked. Reason: Exhausted balance. Top up your balance at "
                         "fal.ai/dashboard/billing."}, 403),
    },
    "throttled": {
        "concurrency": Json({"detail": "Too many concurrent requests."}, 429, {"Retry-After": "3"}),
    },
    "not_here": {
        "application": Json({"detail": "Application 'x' not found"}, 404),
        "path": Json({"detail": "Path /x not found"}, 404),
    },
    "broken": {
        **{kind: infrastructure(status, kind, "Something went wrong.") for kind, status in (
            ("request_timeout", 504), ("startup_timeout", 504), ("runner_scheduling_failure", 503),
            ("runner_connection_timeout", 503), ("runner_disconnected", 503), ("runner_connection_refused", 503),
            ("runner_connection_error", 503), ("runner_incomplete_response", 502), ("runner_server_error", 500),
            ("internal_error", 500))},
        "internal_server_error": own(500, "internal_server_error", "Internal server error"),
        "generation_timeout": own(504, "generation_timeout", "The generation took too long."),
        "downstream_service_error": own(400, "downstream_service_error", "Downstream service error"),
        "downstream_service_unavailable": own(500, "downstream_service_unavailable", "Downstream service unavailable"),
        "type_in_the_header_alone": Json({"detail": "Request timed out"}, 504, {"X-Fal-Error-Type": "request_timeout"}),
    },
    "unknown": {
        "client_cancelled": infrastructure(499, "client_cancelled", "Client cancelled"),
        "client_disconnected": infrastructure(499, "client_disconnected", "Client disconnected"),
        "bad_gateway": Raw(502, {"Content-Type": "text/html"}, "<h1>502</h1>"),
        "gateway_timeout": Raw(504, {"Content-Type": "text/html"}, "<h1>504</h1>"),
    },
}
