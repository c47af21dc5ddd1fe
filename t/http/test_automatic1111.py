"""Special features of AUTOMATIC1111 and Forge: checkpoints, grids, seeds, passwords, and jobs that cannot be cancelled."""

import pytest
from fakes.automatic1111 import ERRORS_BY_OUTCOME, PATH, Automatic1111
from fakes.behaviours import Hang
from harness import provider

SDXL = "sd_xl_base_1.0.safetensors"


@pytest.fixture
def fakes():
    started = []
    yield started
    for fake in started:
        fake.stop()


@pytest.fixture
def studio(fakes, gateway):
    """studio(): a gateway with the fake behind it, and the fake. Other named arguments go to the fake."""
    def start(more="key none;", http="", env=None, **options):
        fake = Automatic1111(**options).start()
        fakes.append(fake)
        g = gateway("image_gateway; image_gateway_auth off; image_gateway_unknown_fields pass sampler_name;",
                    provider("studio", fake, more, api="automatic1111", key=None) + http, env=env)
        return g, fake
    return start


def ask(g, model=SDXL, **fields):
    return g.generate(model=f"studio/{model}", **fields)


def facts(reply) -> list:
    return reply.json["extra_fields"]["images"]


def test_the_default_of_steps_is_that_of_the_web_page_not_of_the_api(studio):
    g, fake = studio()
    assert ask(g).status == 200
    assert fake.work[0].json["steps"] == 20


def test_a_request_selects_a_checkpoint_and_changes_no_other_setting(studio):
    g, fake = studio()
    assert ask(g).status == 200
    assert fake.work[0].json["override_settings"] == {"sd_model_checkpoint": SDXL}
    assert ask(g, "loaded").status == 200
    assert "override_settings" not in fake.work[1].json


def test_flux_has_its_guidance_by_another_name(studio):
    g, fake = studio()
    assert ask(g, "flux1-dev-Q4.gguf", guidance=3.5).status == 200
    assert (fake.work[0].json["cfg_scale"], fake.work[0].json["distilled_cfg_scale"]) == (1, 3.5)


@pytest.mark.parametrize("options", ({"grid": True}, {"extra": 2}, {"grid": True, "extra": 1}))
def test_grids_and_images_added_by_scripts_are_left_out(studio, options):
    g, _ = studio(**options)
    reply = ask(g, n=3, seed=42, size="64x64", response_format="b64_json")
    assert reply.status == 200, reply
    assert [(one["width"], one["seed"]) for one in facts(reply)] == [(64, 42), (64, 43), (64, 44)]


def test_the_seed_that_the_server_drew_is_told(studio):
    g, fake = studio()
    reply = ask(g, n=2)
    assert [one["seed"] for one in facts(reply)] == [1000, 1001]
    assert "seed" not in fake.work[0].json


def test_a_server_that_sends_no_info_about_its_images_is_accepted(studio):
    g, _ = studio(info=False)
    assert [one.get("seed") for one in facts(ask(g, n=2))] == [None, None]
    assert [one.get("seed") for one in facts(ask(g, seed=7))] == [7]


def test_a_password_is_sent_as_basic_credentials(studio):
    g, fake = studio("key env:STUDIO;", keys=("gateway:secret",), env={"STUDIO": "gateway:secret"})
    reply = ask(g)
    assert reply.status == 200, (reply, fake.refusals)
    assert "secret" not in g.error_log() + reply.text


def test_a_wrong_password_is_an_error_of_our_credentials(studio):
    g, _ = studio("key env:STUDIO;", keys=("gateway:secret",), env={"STUDIO": "gateway:wrong"})
    reply = ask(g)
    assert reply.status == 502
    assert reply.json["extra_fields"]["attempts"][0]["outcome"] == "our_credentials"


def test_without_a_key_none_need_be_configured(studio):
    g, fake = studio(more="")
    assert ask(g).status == 200
    assert "authorization" not in fake.work[0].headers


def test_a_missing_checkpoint_leads_to_the_next_candidate(studio):
    g, fake = studio(http="image_provider sandbox { api sandbox; }\nimage_model any studio/x sandbox/placeholder;")
    reply = g.generate(model="any")
    assert reply.status == 200 and reply.json["extra_fields"]["provider"] == "sandbox", reply
    assert fake.refusals[0].json["override_settings"] == {"sd_model_checkpoint": "x"}


def test_a_sampler_is_passed_where_the_location_says_so(studio):
    g, fake = studio()
    assert ask(g, sampler_name="DPM++ 2M").status == 200
    assert fake.work[0].json["sampler_name"] == "DPM++ 2M"
    fake.always(ERRORS_BY_OUTCOME["callers_fault"]["bad_sampler"])
    reply = ask(g, sampler_name="Euler")
    assert (reply.status, reply.json["error"]["message"]) == (400, "Sampler not found (HTTPException)")


def test_nothing_is_stopped_when_a_client_leaves(studio):
    """The server can only stop the running job, which may belong to another client."""
    g, fake = studio()
    fake.always(Hang())
    raw = g.connect().post("/v1/images/generations", {"prompt": "x", "model": f"studio/{SDXL}"})
    fake.wait_in_flight(1)
    raw.close()
    fake.wait_in_flight(0)
    fake.always()
    assert ask(g, response_format="b64_json").status == 200
    assert {one.path for one in fake.requests} == {PATH}


def test_each_caller_gets_the_image_of_its_own_request(studio):
    g, _ = studio()
    one, other = (ask(g, response_format="b64_json").json["data"][0]["b64_json"] for _ in range(2))
    assert one != other
