"""Jobs: the reply comes at once, and the result is asked for later."""

import base64
import time

import pytest
from fakes.behaviours import Hang, Held, Json
from fakes.images_host import PNG
from harness import background, key_entry, provider, write_keys
from harness.gateway import until
from harness.jobs import failed_job

A = {"x-api-key": "sk-a"}
LATER = {**A, "Prefer": "respond-async"}
MODEL = {"model": "p/gpt-image-2"}


@pytest.fixture
def jobs(scratch, gateway, openai):
    def start(location="image_gateway_jobs on;", http="", workers=1, auth="", **members):
        keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}", **members) for id in ("a", "b")])
        return gateway(f"image_gateway; image_gateway_keys {keys}; {auth} {location} image_gateway_store {scratch}/store;",
                       f"image_gateway_state {scratch}/state/state.db;" + provider("p", openai) + http, workers=workers)
    return start


def place(g, reply) -> str:
    return reply.headers["location"].removeprefix(g.url)


def ended(g, path, headers=A):
    return until(lambda: (job := g.get(path, headers)).json["status"] != "in_progress" and job, 10, 0.05)


def test_the_result_of_a_job_is_that_of_the_same_request(jobs, openai):
    g = jobs()
    accepted = g.generate(LATER, **MODEL)
    assert accepted.status == 202 and accepted.headers["preference-applied"] == "respond-async"
    assert int(accepted.headers["retry-after"]) > 0
    job = accepted.json
    assert job["object"] == "image.job" and job["status"] == "in_progress" and job["operation"] == "image_generation"
    assert job["model"] == "p/gpt-image-2" and job["completed_at"] is None and job["status_code"] is None
    done = ended(g, place(g, accepted))
    assert done.status == 200 and done.json["status"] == "completed" and done.json["status_code"] == 200
    plain = g.generate(A, **MODEL).json
    result = done.json["result"]
    assert result["data"] == plain["data"] and set(result) == set(plain)
    assert result["extra_fields"]["cost"] == plain["extra_fields"]["cost"]
    assert done.json["expires_at"] - done.json["completed_at"] == 3600
    assert len(openai.requests) == 2


def test_a_job_may_be_waited_for(jobs, openai):
    g = jobs()
    reply = g.generate({**A, "Prefer": "respond-async, wait=20"}, **MODEL)
    assert reply.status == 200 and reply.json["data"] and reply.headers["preference-applied"] == "wait=20"
    held = Held()
    openai.next(held)
    began = time.monotonic()
    slow = g.generate({**A, "Prefer": "respond-async;x=y, wait=1"}, **MODEL)
    assert slow.status == 202 and 0.9 < time.monotonic() - began < 5
    held.release()
    assert ended(g, place(g, slow)).json["status"] == "completed"


def test_an_edit_as_a_job_says_what_its_inputs_were(jobs, openai):
    g = jobs()
    done = ended(g, place(g, g.edit([("image", PNG)], LATER, **MODEL)))
    assert done.json["operation"] == "image_edit"
    (given,) = done.json["result"]["extra_fields"]["inputs"]
    assert given["format"] == "png" and given["bytes"] == len(PNG)


def test_a_job_goes_on_when_its_client_leaves(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs()
    raw = g.connect()
    raw.post("/v1/images/generations", {"prompt": "p", **MODEL}, {**A, "Prefer": "respond-async, wait=60"})
    openai.wait_in_flight(1)
    raw.close()
    time.sleep(0.2)
    held.release()
    jobs_of_a = until(lambda: (r := g.get("/v1/images/jobs", A)).json["data"][0]["status"] == "completed" and r, 10)
    assert len(jobs_of_a.json["data"]) == 1 and openai.aborted == 0


def test_a_job_is_seen_by_its_tenant_alone(jobs, openai):
    g = jobs()
    path = place(g, g.generate({**LATER, "X-On-Behalf-Of": "ada"}, **MODEL))
    ada = {**A, "X-On-Behalf-Of": "ada"}
    ended(g, path, ada)
    for headers in (A, {"x-api-key": "sk-b"}, {**A, "X-On-Behalf-Of": "bob"}):
        for method in ("GET", "DELETE"):
            reply = g.request(method, path, headers=headers)
            assert reply.status == 404 and reply.json["error"]["code"] == "job_not_found"
        assert g.get("/v1/images/jobs", headers).json["data"] == []
    assert g.get(path, {}).status == 401
    assert len(g.get("/v1/images/jobs", ada).json["data"]) == 1


def test_without_identity_whoever_knows_the_id_sees_the_job(jobs, openai):
    g = jobs(auth="image_gateway_auth off;")
    path = place(g, g.generate({"Prefer": "respond-async"}, **MODEL))
    assert ended(g, path, {}).json["status"] == "completed"
    assert g.get("/v1/images/jobs").json["data"] == []
    assert g.get("/v1/images/jobs/job_" + "0" * 32).status == 404
    assert g.get("/v1/images/jobs/job_x").json["error"]["code"] == "unknown_url"


def test_lists_go_from_page_to_page_and_choose_by_status(jobs, openai):
    g = jobs()
    ids = []
    for _ in range(5):
        reply = g.generate(LATER, **MODEL)
        ids.append(reply.json["id"])
        ended(g, place(g, reply))
    openai.next(Json({"error": {"message": "no"}}, 400))
    failed = g.generate(LATER, **MODEL)
    ended(g, place(g, failed))
    first = g.get("/v1/images/jobs?limit=4", A).json
    rest = g.get(f"/v1/images/jobs?limit=4&after={first['data'][-1]['id']}", A).json
    assert first["has_more"] and not rest["has_more"] and "result" not in first["data"][0]
    assert {one["id"] for one in first["data"] + rest["data"]} == {*ids, failed.json["id"]}
    only = g.get("/v1/images/jobs?status=failed", A).json["data"]
    assert [one["id"] for one in only] == [failed.json["id"]]
    for wrong in ("limit=0", "limit=101", "limit=x", "after=x", "status=odd"):
        reply = g.get(f"/v1/images/jobs?{wrong}", A)
        assert reply.status == 400 and reply.json["error"]["param"] == wrong.split("=")[0]


def test_a_failure_of_the_provider_is_the_jobs_error(jobs, openai):
    openai.next(Json({"error": {"message": "no", "code": "bad", "type": "invalid_request_error"}}, 400))
    g = jobs()
    job = ended(g, place(g, g.generate(LATER, **MODEL))).json
    assert job["status"] == "failed" and job["status_code"] == 400 and "result" not in job
    assert job["error"]["error"]["message"].startswith("no") and job["error"]["status_code"] == 400
    assert job["error"]["extra_fields"]["attempts"][0]["outcome"] == "callers_fault"


def test_what_is_refused_before_it_begins_is_no_job(jobs, openai):
    g = jobs(limits={"images_per_minute": 2})
    assert g.generate(LATER, **MODEL, size="odd").status == 400
    assert g.generate(LATER, **MODEL, stream=True).json["error"]["param"] == "stream"
    assert g.generate(LATER, **MODEL, n=3).status in (400, 429)
    assert g.get("/v1/images/jobs", A).json["data"] == [] and not openai.requests


def test_removing_an_ended_job_removes_its_images(jobs, openai, scratch):
    openai.image_bytes = 50_000
    g = jobs()
    paths = [place(g, g.generate(LATER, **MODEL, **more)) for more in ({}, {"response_format": "url"})]
    results = [ended(g, path) for path in paths]
    link = results[1].json["result"]["data"][0]["url"].removeprefix(g.url)
    assert g.get(link).status == 200
    for path in paths:
        assert g.request("DELETE", path, headers=A).status == 204
        assert g.get(path, A).status == 404 and g.request("DELETE", path, headers=A).status == 404
    assert g.get(link).status == 404
    assert not [one for one in (scratch / "store").rglob("*") if one.is_file() and one.name != ".key"]


@pytest.mark.parametrize("workers", (1, 2))
def test_removing_a_running_job_cancels_it(jobs, openai, workers):
    openai.always(Hang())
    g = jobs(workers=workers)
    for _ in range(3):
        path = place(g, g.generate(LATER, **MODEL))
        openai.wait_in_flight(1)
        gone = g.request("DELETE", path, headers=A)
        assert gone.status == 200 and gone.json["status"] == "cancelled", gone
        assert gone.json["error"]["extra_fields"]["attempts"][0]["billed"] == "unknown"
        openai.wait_in_flight(0)
        assert g.get(path, A).json["status"] == "cancelled"
        assert g.request("DELETE", path, headers=A).status == 204


def test_a_repeated_job_with_the_same_key_is_the_same_job(jobs, openai):
    g = jobs()
    keyed = {**LATER, "Idempotency-Key": "k"}
    first, second = g.generate(keyed, **MODEL), g.generate(keyed, **MODEL)
    assert first.status == second.status == 202 and first.json["id"] == second.json["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert g.generate(keyed, **MODEL, n=2).status == 422
    ended(g, place(g, first))
    assert g.generate(keyed, **MODEL).json["status"] == "completed" and len(openai.requests) == 1


def test_a_killed_worker_leaves_a_job_that_has_failed(jobs, openai):
    openai.next(Hang())
    g = jobs()
    path = place(g, g.generate(LATER, **MODEL))
    openai.wait_in_flight(1)
    g.kill_worker()
    job = failed_job(g, path, A)
    assert job["status_code"] == 502 and job["error"]["error"]["code"] == "outcome_unknown"
    assert len(openai.requests) == 1


def test_a_reload_lets_a_job_end(jobs, openai):
    held = Held()
    openai.next(held)
    g = jobs()
    path = place(g, g.generate(LATER, **MODEL))
    openai.wait_in_flight(1)
    g.reload()
    assert g.get(path, A).json["status"] == "in_progress"
    held.release()
    assert ended(g, path).json["status"] == "completed" and len(openai.requests) == 1


def test_bifrosts_clients_find_their_paths(jobs, openai):
    g = jobs()
    held = Held()
    openai.next(held)
    accepted = g.post("/v1/async/images/generations", {"prompt": "p", **MODEL},
                      {**A, "x-bf-async-job-result-ttl": "60"})  # seconds
    assert accepted.status == 202 and set(accepted.json) == {"id", "status", "created_at"}
    path = f"/v1/async/images/generations/{accepted.json['id']}"
    openai.wait_in_flight(1)
    polled = g.get(path, A)
    assert polled.status == 202 and polled.json["status"] == "processing"
    held.release()
    done = until(lambda: (r := g.get(path, A)).status == 200 and r, 10)
    assert done.json["status"] == "completed" and done.json["status_code"] == 200 and done.json["result"]["data"]
    assert g.get(path.replace("generations", "edits"), A).status == 404
    assert g.get(path, {"x-api-key": "sk-b"}).status == 404
    assert g.post("/v1/async/images/generations", {"prompt": "p", "stream": True, **MODEL}, A).status == 400


def test_without_jobs_the_preference_is_ignored_and_the_paths_are_not_there(jobs, openai):
    g = jobs("")
    assert g.generate(LATER, **MODEL).status == 200
    for path in ("/v1/images/jobs", "/v1/images/jobs/job_" + "0" * 32):
        assert g.get(path, A).json["error"]["code"] == "unknown_url"
    assert g.post("/v1/async/images/generations", {"prompt": "p"}, A).status == 404


def test_jobs_need_a_state_file_and_a_store(nginx_t, openai):
    done = nginx_t(location="image_gateway; image_gateway_auth off; image_gateway_jobs on;", http=provider("p", openai))
    assert not done.ok and "image_gateway_jobs" in done.output and "image_gateway_store" in done.output


def test_budgets_are_charged_for_jobs(jobs, openai):
    g = jobs(budgets=[{"usd": 1.0, "per": "day"}])
    for _ in range(8):
        reply = g.generate(LATER, **MODEL)
        if reply.status != 202:
            break
        ended(g, place(g, reply))
    assert reply.status == 402 and 1 <= len(openai.requests) <= 3
