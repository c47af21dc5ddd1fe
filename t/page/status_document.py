"""A document of image_gateway_status as the page reads it, with whatever a busy hour has."""

import time


def status_document(**changes) -> dict:
    now = int(time.time())
    minute = now - now % 60
    minutes = [{"minute": minute - 60 * back, "requests": 20 + back % 7, "made": 15 + back % 5, "refused": 2, "failed": back % 4,
                "images": 18, "cost_usd": 0.4 + 0.02 * (back % 9),
                "latency_ms": {"p50": 8000 + 100 * (back % 11), "p95": 21000 + 500 * (back % 13)} if back != 10 else {"p50": None, "p95": None}}
               for back in reversed(range(60)) if back not in (20, 21)]
    document = {
        "object": "status", "version": "1.0", "nginx_version": "1.22.1", "ready": True, "not_ready": [], "now": now,
        "configuration": {"loaded_at": now - 4000}, "workers": [{"pid": 4711, "since": now - 4000}, {"pid": 4712, "since": now - 4000}],
        "requests": {"in_flight": 7, "parked": 2, "last_minutes": minutes},
        "providers": [
            {"name": "openai", "type": "openai", "models": ["gpt-image-2"], "breakers": [{"model": "gpt-image-2", "state": "open", "until": now + 25}],
             "keys": [{"number": 1, "resting_until": now + 40, "reason": "throttled"}, {"number": 2, "resting_until": None, "reason": None}],
             "calls": 911, "latency_ms": {"p50": 8100, "p95": 22000, "p99": 41000}, "outcomes": {"made": 870, "throttled": 30, "broken": 11}},
            {"name": "sandbox", "type": "sandbox", "models": ["placeholder"], "breakers": [{"model": "placeholder", "state": "closed", "until": None}],
             "keys": [], "calls": 3, "latency_ms": {"p50": None, "p95": None, "p99": None}, "outcomes": {"made": 3}}],
        "keys": [
            {"id": "team-a", "spent": [{"per": "month", "usd": 96.5, "limit": 100}], "limits": [{"name": "images_per_minute", "used": 10, "limit": 10}]},
            {"id": "team-b", "spent": [{"per": "month", "usd": 3.25, "limit": None}], "limits": [{"name": "requests_per_minute", "used": 1, "limit": 60}]}],
        "models": [{"model": "openai/gpt-image-2", "requests": 900, "images": 930, "cost_usd": 99.75},
                   {"model": "sandbox/placeholder", "requests": 3, "images": 3, "cost_usd": None}],
        "failures": [{"time": now - 30, "request_id": "req_x1", "provider": "openai", "model": "gpt-image-2", "outcome": "throttled", "status": 429,
                      "code": "rate_limit_exceeded"},
                     {"time": now - 90, "request_id": "req_x2", "provider": None, "model": None, "outcome": "too_late", "status": None, "code": None}],
        "jobs": None, "store": {"bytes": 1_200_000_000, "files": 420, "max": 10_000_000_000}, "memory": {"held": 40_000_000, "limit": 512_000_000},
        "state": {"lag_ms": 12, "writable": True}}
    return {**document, **changes}
