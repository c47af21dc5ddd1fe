"""Google's errors, and the answers without an image that come with status 200, by what they mean for the gateway."""

from .behaviours import Json, Raw

TYPES = "type.googleapis.com/google.rpc."


def error(status: int, word: str, message: str, *details, headers=None) -> Raw:
    """An error in Google's envelope."""
    envelope = {"code": status, "message": message, "status": word}
    if details:
        envelope["details"] = list(details)
    return Json({"error": envelope}, status, headers)


def reason(word: str) -> dict:
    return {"@type": TYPES + "ErrorInfo", "reason": word, "domain": "googleapis.com"}


def violation(field: str, description: str) -> dict:
    return {"@type": TYPES + "BadRequest", "fieldViolations": [{"field": field, "description": description}]}


def invalid(message: str, field: str = "") -> Raw:
    return error(400, "INVALID_ARGUMENT", message, *([violation(field, message)] if field else []))


def quota(identity: str) -> dict:
    return {"@type": TYPES + "QuotaFailure",
            "violations": [{"quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
                            "quotaId": identity,
                            "quotaDimensions": {"model": "gemini-3.1-flash-image", "location": "global"}}]}


def retry(delay: str) -> dict:
    return {"@type": TYPES + "RetryInfo", "retryDelay": delay}


def finished(word: str, **more) -> Raw:
    """A candidate that ended so, without an image."""
    return Json({"candidates": [{"finishReason": word, "index": 0, **more}],
                 "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}})


def blocked(word: str) -> Raw:
    """A prompt that was blocked."""
    return Json({"promptFeedback": {"blockReason": word},
                 "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}})


def said(text: str) -> dict:
    return {"content": {"role": "model", "parts": [{"text": text}]}}


_EXCEEDED = "You exceeded your current quota, please check your plan and billing details."

ERRORS = {
    "callers_fault": {
        "bad_ratio": invalid("Invalid value at 'generation_config.image_config.aspect_ratio': \"17:9\"",
                             "generation_config.image_config.aspect_ratio"),
        "too_large": invalid("Request payload size exceeds the limit: 20971520 bytes."),
    },
    "refused_by_policy": {
        **{f"prompt_{word.lower()}": blocked(word) for word in
           ("SAFETY", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "BLOCKLIST", "OTHER", "MODEL_ARMOR", "JAILBREAK")},
        **{f"image_{word.lower()}": finished(word) for word in
           ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "SAFETY", "PROHIBITED_CONTENT",
            "BLOCKLIST", "SPII", "RECITATION")},
        "image_with_prose": finished("IMAGE_SAFETY", finishMessage="Unable to show the generated image."),
    },
    "our_credentials": {
        "bad_key": error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
                         reason("API_KEY_INVALID")),
        "expired_key": error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.",
                             reason("API_KEY_INVALID")),
        "unauthenticated": error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        "leaked_key": error(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
        "service_disabled": error(403, "PERMISSION_DENIED", "Generative Language API has not been used in project 1 "
                                  "before or it is disabled.", reason("SERVICE_DISABLED")),
        "location": error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    },
    "out_of_quota": {
        "billing": error(400, "FAILED_PRECONDITION", "Please enable billing on your project in Google AI Studio."),
        "per_day": error(429, "RESOURCE_EXHAUSTED", _EXCEEDED, quota("GenerateRequestsPerDayPerProjectPerModel"),
                         retry("35s")),
        "no_free_tier": error(429, "RESOURCE_EXHAUSTED", f"{_EXCEEDED}\n* Quota exceeded for metric: "
                              "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: "
                              "gemini-3.1-flash-image\nPlease retry in 10.1s.", retry("10.1s")),
    },
    "throttled": {
        "per_minute": error(429, "RESOURCE_EXHAUSTED", f"{_EXCEEDED} Please retry in 10.1s.",
                            quota("GenerateRequestsPerMinutePerProjectPerModel"), retry("10.1s")),
        "without_details": error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    },
    "not_here": {
        "unknown_model": error(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not "
                               "supported for generateContent."),
    },
    "broken": {
        "internal": error(500, "INTERNAL", "An internal error has occurred. Please retry."),
        "overloaded": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    },
    "unknown": {
        "deadline": error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        "cancelled": error(499, "CANCELLED", "The operation was cancelled."),
        "bad_gateway": Raw(502, {"Content-Type": "text/html; charset=UTF-8"}, "<title>Error 502</title>"),
        "no_image": finished("NO_IMAGE", **said("I cannot draw that")),
        "image_other": finished("IMAGE_OTHER"),
        "other": finished("OTHER"),
        "max_tokens": finished("MAX_TOKENS", content={"role": "model"}),
        "only_words": finished("STOP", **said("A kite is a toy that flies.")),
        "no_candidates": Json({"usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}),
    },
}
