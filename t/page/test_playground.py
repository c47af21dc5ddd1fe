"""The playground: what a person does on the page, and what comes of it."""

import base64
import io
import subprocess
import sys

import pytest
from fakes.behaviours import Json
from fakes.edited import original
from fakes.openai import ERRORS, Delay, Hang
from harness import key_entry, provider, write_keys
from harness.gateway import until
from PIL import Image
from steps import facts, labels, make, open_all, sample, send, use_operation

SLOW = "image_provider sandbox { api sandbox; latency 400ms; } image_model auto sandbox/placeholder;"


def with_openai(openai, more=""):
    return provider("openai", openai, more) + "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"


def picture_of(page, selector="image-run .stage img") -> Image.Image:
    """The bytes that an element shows, which the page keeps behind a blob: address."""
    text = page.run(f"(async () => {{ const image = document.querySelector('{selector}'); const run = image.closest('image-run');"
                    "const bytes = new Uint8Array(await run.pictures[run.chosen].blob.arrayBuffer());"
                    "let text = ''; bytes.forEach((each) => { text += String.fromCharCode(each); }); return btoa(text); })()")
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


def test_a_newcomer_types_a_prompt_and_gets_a_picture(serve, browse):
    page = browse(serve())
    assert page.text("h1") == "Image gateway" and page.run("document.title") == "Image gateway"
    assert page.text(".price") == "Free"
    assert page.count("#key") == 0  # nobody needs one here
    make(page)
    assert picture_of(page).size == (1024, 1024)
    assert page.text("image-run .status").startswith("Made in")
    said = facts(page)
    assert said["Model"] == "sandbox/placeholder" and said["Cost"].startswith("free") and said["Request"].startswith("req_")
    assert said["Picture"].startswith("1024×1024, png")
    assert "in all" in page.text(".timing")


def with_jobs(scratch, latency="600ms"):
    return {"http": f"image_provider sandbox {{ api sandbox; latency {latency}; }} image_model auto sandbox/placeholder;"
                    f"image_gateway_state {scratch}/state/state.db;",
            "location": f"image_gateway; image_gateway_auth off; image_gateway_jobs on; image_gateway_store {scratch}/store;"}


def test_a_call_as_a_job_is_asked_for_until_it_has_ended(scratch, serve, browse):
    page = browse(serve(**with_jobs(scratch)))
    page.click("[data-field=job]")
    make(page)
    assert picture_of(page).size == (1024, 1024)
    said = facts(page)
    assert said["Job"].startswith("job_") and said["Request"].startswith("req_")
    for language, words in (("curl", "-H 'Prefer: respond-async'"), ("Python", 'extra_headers={"Prefer": "respond-async"}'),
                            ("JavaScript", "Prefer: 'respond-async'")):
        assert words in sample(page, language)


def test_cancelling_a_job_cancels_it_in_the_gateway(scratch, serve, browse):
    g = serve(**with_jobs(scratch, "20s"))
    page = browse(g)
    page.click("[data-field=job]")
    page.fill(".prompt textarea", "a kite")
    page.click("button[type=submit]")
    page.wait("document.querySelector('image-run .status')?.textContent.startsWith('Accepted as job_')")
    job = page.text("image-run .status").removeprefix("Accepted as ")
    page.click("image-run .head button")
    page.wait("document.querySelector('image-run').state === 'cancelled'")
    assert until(lambda: g.get(f"/v1/images/jobs/{job}").json["status"] == "cancelled", 5)


def test_a_refused_job_tells_the_error_of_its_request(scratch, serve, browse, openai):
    openai.always(Json({"error": {"message": "no", "code": "bad", "type": "invalid_request_error"}}, 400))
    parts = with_jobs(scratch)
    page = browse(serve(**{**parts, "http": parts["http"] + provider("openai", openai)}))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    page.click("[data-field=job]")
    make(page)
    assert "Status 400" in page.text("image-run .error") and page.text("image-run .status") == "Failed"


def test_without_jobs_in_the_location_there_is_no_such_control(serve, browse):
    page = browse(serve())
    assert not page.run("document.querySelector('[data-field=job]').checkVisibility()")


def test_an_empty_prompt_is_marked_and_not_sent(serve, browse):
    page = browse(serve())
    page.click("button[type=submit]")
    assert page.text(".prompt .mistake") == "Say what the picture shows."
    assert page.run("document.activeElement === document.querySelector('.prompt textarea')")
    assert page.count("image-run") == 0
    page.fill(".prompt textarea", "a kite")
    assert page.count(".prompt .mistake") == 0


def test_the_form_has_what_the_model_takes_and_nothing_else(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "sandbox/placeholder")
    open_all(page)
    sandbox = labels(page)
    assert {"Prompt", "Size", "Images", "Background", "File format", "Seed", "Previews"} <= set(sandbox)
    assert "Quality" not in sandbox and "Moderation" not in sandbox
    page.choose("[data-field=model]", "openai/gpt-image-2")
    open_all(page)
    gpt = labels(page)
    assert {"Quality", "Moderation", "Compression"} <= set(gpt) and "Seed" not in gpt
    assert page.run("[...document.querySelector('.quality select').options].map((each) => each.value)") == [
        "", "auto", "low", "medium", "high"]
    assert page.run("document.querySelector('[data-field=model] optgroup').label") == "Aliases"
    shut_down = page.run("[...document.querySelectorAll('[data-field=model] option')].map((each) => each.value)")
    assert "openai/dall-e-3" not in shut_down


def test_every_control_reaches_the_gateway(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    open_all(page)
    page.click(".size .tile:has([value='1536x1024'])")
    page.choose(".quality select", "low")
    page.choose(".background select", "opaque")
    page.choose(".output_format select", "jpeg")
    page.fill(".output_compression input", "70")
    page.choose(".moderation select", "low")
    page.fill(".n input", "2")
    page.fill(".user input", "alice")
    make(page, "two kites")
    sent = openai.requests[-1].json
    assert sent["model"] == "gpt-image-2" and sent["prompt"] == "two kites"
    assert {name: sent[name] for name in ("size", "quality", "background", "output_format", "output_compression", "moderation", "n", "user")} == {
        "size": "1536x1024", "quality": "low", "background": "opaque", "output_format": "jpeg", "output_compression": 70,
        "moderation": "low", "n": 2, "user": "alice"}
    assert page.run("document.querySelectorAll('image-run .thumb').length") == 2
    page.click("image-run li:nth-child(2) .thumb")
    assert page.run("document.querySelector('image-run li:nth-child(2) .thumb').getAttribute('aria-pressed')") == "true"
    download = page.run("(({download, href}) => ({download, href}))(document.querySelector('a[download]'))")
    assert download["download"].endswith("-2.jpg") and download["href"].startswith("blob:")


def test_a_size_of_ones_own_is_sent(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    page.click(".size .tile:has([value=own])")
    page.fill(".sides input:nth-of-type(1)", "1280")
    page.fill(".sides input:nth-of-type(2)", "768")
    make(page)
    assert openai.requests[-1].json["size"] == "1280x768"
    assert facts(page)["Picture"].startswith("1280×768")


def test_the_price_of_this_request_stands_beside_the_button(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    assert page.text(".price").startswith("At most $")
    page.choose(".quality select", "low")
    page.click(".size .tile:has([value='1024x1024'])")
    page.fill(".prompt textarea", "a red kite")
    before = page.text(".price")
    assert before.startswith("About $0.00")
    page.fill(".n input", "10")
    assert page.text(".price").startswith("About $0.05")
    page.fill(".n input", "")
    send(page)
    assert abs(float(before.split("$")[1]) - float(facts(page)["Cost"].split("$")[1].split()[0])) < 0.001


def test_the_price_of_an_alias_names_the_model_that_is_asked_first(serve, browse, openai):
    page = browse(serve(provider("openai", openai) + "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder openai/gpt-image-2;"))
    assert page.text(".price") == "Free with sandbox/placeholder"
    assert "Tries sandbox/placeholder, then openai/gpt-image-2." in page.text("form")


def test_previews_come_before_the_picture(serve, browse):
    page = browse(serve(SLOW))
    open_all(page)
    assert page.run("document.querySelector('.partial_images input').value") == "2"
    page.fill(".prompt textarea", "a kite")
    page.run("globalThis.seen = []; new MutationObserver(() => { for (const image of document.querySelectorAll('.stage img'))"
             "{ if (!globalThis.seen.includes(image.className)) globalThis.seen.push(image.className); } })"
             ".observe(document.querySelector('.results'), {childList: true, subtree: true}); 0")
    send(page)
    assert page.run("globalThis.seen") == ["preview", ""]
    assert page.run("document.querySelector('image-run').pictures.length") == 1


def test_the_time_runs_and_a_call_can_be_cancelled(serve, browse, openai):
    openai.always(Hang())
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    page.fill(".prompt textarea", "a kite")
    page.click("button[type=submit]")
    page.wait("parseFloat(document.querySelector('image-run .clock').innerText) > 0.3")
    assert page.run("document.querySelector('button[type=submit]').disabled")
    page.click(".send button:not([type=submit])")
    page.wait("document.querySelector('image-run').state === 'cancelled'")
    assert "may still bill" in page.text(".stage")
    page.wait("!document.querySelector('button[type=submit]').disabled")


def test_control_and_enter_sends_the_form(serve, browse):
    page = browse(serve())
    page.fill(".prompt textarea", "a kite")
    page.press("Enter", modifiers=2)
    page.wait("document.querySelector('image-run')?.state === 'made'")


def test_two_models_answer_one_prompt_with_a_slider_between_them(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "sandbox/placeholder")
    page.choose(".second select", "openai/gpt-image-2")
    assert "with sandbox/placeholder" in page.text(".price") and "with openai/gpt-image-2" in page.text(".price")
    make(page)
    assert page.run("[...document.querySelectorAll('image-run h2')].map((each) => each.innerText)") == ["sandbox/placeholder", "openai/gpt-image-2"]
    edge = "document.querySelector('.results > image-compare').style.getPropertyValue('--edge')"
    assert page.run(edge) == "50%"
    page.run("document.querySelector('.results > image-compare input').focus(); 0")
    page.press("ArrowRight")
    assert page.run(edge) == "51%"
    page.choose("[data-field=model]", "openai/gpt-image-2")
    assert page.run("document.querySelector('.second select').value") == ""  # not a model against itself


def test_an_edit_changes_what_the_brush_painted_and_no_other_pixel(scratch, serve, browse):
    page = browse(serve())
    use_operation(page, "Edit")
    assert page.count("picture-input") == 1 and page.count("mask-brush") == 0
    page.fill(".prompt textarea", "a lighthouse")
    page.click("button[type=submit]")
    assert page.text("picture-input .mistake") == "Add a picture first."
    page.hand_over("drop", ".drop", original(640, 480))
    page.wait("document.querySelector('mask-brush canvas')?.width === 640")
    page.drag("mask-brush canvas", (0.3, 0.5), (0.7, 0.5))
    send(page)
    before, after = Image.open(io.BytesIO(original(640, 480))).convert("RGB"), picture_of(page).convert("RGB")
    assert after.size == (640, 480)
    assert after.getpixel((20, 20)) == before.getpixel((20, 20)) and after.getpixel((620, 460)) == before.getpixel((620, 460))
    assert any(after.getpixel((x, 240)) != before.getpixel((x, 240)) for x in range(220, 420))
    assert page.run("document.querySelector('image-run image-compare .row').innerText").split() == ["Input", "Result"]


def test_the_brush_works_with_keys_erases_and_clears(serve, browse):
    page = browse(serve())
    use_operation(page, "Edit")
    page.hand_over("drop", ".drop", original(64, 48))
    page.wait("document.querySelector('mask-brush canvas')?.width === 64")
    painted = ("(() => { const canvas = document.querySelector('mask-brush canvas');"
               "return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((each, index) => index % 4 === 3 && each > 0).length; })()")
    page.run("document.querySelector('mask-brush canvas').focus(); 0")
    page.press(" ")
    assert page.run(painted) > 0 and page.count("mask-brush .ring") == 1
    page.click("mask-brush [type=checkbox]")
    page.run("document.querySelector('mask-brush [type=range]').value = 50; 0")
    page.drag("mask-brush canvas", (0.1, 0.5), (0.9, 0.5))
    assert page.run(painted) == 0
    page.click("mask-brush [type=checkbox]")
    page.drag("mask-brush canvas", (0.1, 0.5), (0.9, 0.5))
    assert page.run(painted) > 0
    page.click("mask-brush button")
    assert page.run(painted) == 0 and page.run("document.querySelector('picture-input').masked") is False


def test_pictures_come_by_paste_and_by_file_and_go_again(scratch, serve, browse):
    (scratch / "one.png").write_bytes(original(64, 48))
    (scratch / "notes.txt").write_text("no picture")
    page = browse(serve())
    use_operation(page, "Edit")
    shown = "document.querySelectorAll('picture-input .pictures img').length"
    page.hand_over("paste", "body", original(64, 48))
    page.wait(f"{shown} === 1")
    page.files("picture-input input[type=file]", scratch / "one.png")
    page.wait(f"{shown} === 2")
    page.files("picture-input input[type=file]", scratch / "notes.txt")
    page.wait("document.querySelector('picture-input .mistake').innerText.includes('notes.txt is not a picture')")
    assert page.run(shown) == 2
    page.click("picture-input .pictures button")
    page.wait(f"{shown} === 1")


def test_a_variation_has_a_picture_and_no_prompt(serve, browse):
    page = browse(serve())
    use_operation(page, "Vary")
    assert "Prompt" not in labels(page)
    page.hand_over("drop", ".drop", original(64, 48))
    page.wait("document.querySelectorAll('picture-input .pictures img').length === 1")
    send(page)
    assert page.run("document.querySelector('image-run').state") == "made"


def test_a_result_becomes_the_input_of_an_edit(serve, browse):
    page = browse(serve())
    make(page)
    page.run("[...document.querySelectorAll('image-run .facts button')].find((each) => each.innerText === 'Edit this').click()")
    page.wait("document.querySelector('mask-brush canvas')?.width === 1024")
    assert page.run("document.querySelector('.switch :checked').value") == "edit"


def test_what_was_adjusted_is_said_with_its_reason(serve, browse, openai):
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "sandbox/placeholder")
    page.choose(".second select", "openai/gpt-image-2")
    open_all(page)
    page.fill(".seed input", "7")
    make(page)
    table = page.text("image-run:nth-of-type(2) .adjusted")
    assert "seed" in table and "7" in table and "this model has no such parameter" in table


def test_attempts_and_failures_are_shown_one_by_one(serve, browse, openai):
    openai.always(ERRORS["rate_limit_exceeded"])
    page = browse(serve(provider("openai", openai) + "image_provider sandbox { api sandbox; } image_model auto openai/gpt-image-2 sandbox/placeholder;"))
    make(page)
    rows = page.run("[...document.querySelectorAll('image-run table tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText))")
    attempts = [row for row in rows if len(row) == 6]
    assert [row[:2] for row in attempts] == [["openai/gpt-image-2", "throttled"], ["sandbox/placeholder", "made"]]
    assert page.run("document.querySelectorAll('.timing rect.failed').length") == 1


def test_a_refusal_is_readable_and_has_its_request(serve, browse, openai):
    openai.always(ERRORS["moderation_blocked"])
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    make(page, "something terrible")
    assert page.text(".error h3") == "Content policy violation"
    assert "Status 400, request req_" in page.text(".error")
    assert "refused by policy" in page.text("image-run table")


def test_a_mistake_is_marked_at_its_field(serve, browse):
    page = browse(serve())
    page.fill(".n input", "77")
    make(page)
    assert page.text(".n .mistake") == "n must be at most 10."
    assert page.run("document.querySelector('.n input').getAttribute('aria-invalid')") == "true"
    described = page.run("document.getElementById(document.querySelector('.n input').getAttribute('aria-describedby')).innerText")
    assert described == "n must be at most 10."
    page.fill(".n input", "1")
    assert page.count(".n .mistake") == 0


def test_a_gateway_that_is_gone_is_an_error_too(serve, browse):
    g = serve()
    page = browse(g)
    g.quit()
    make(page)
    assert page.text(".error h3") == "The gateway cannot be reached"


def test_a_key_is_asked_for_used_and_never_written_down(scratch, serve, browse):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-team-a-secret")])
    g = serve(f"image_provider sandbox {{ api sandbox; }} image_model auto sandbox/placeholder; image_gateway_keys {keys};",
              location="image_gateway;")
    page = browse(g)
    page.wait("document.querySelector('.request [role=alert]').innerText.includes('needs a key')")
    assert page.run("document.querySelector('#key').type") == "password"
    page.fill("#key", "sk-bf-wrong")
    page.wait("document.querySelector('.request [role=alert]').innerText.includes('does not know this key')")
    page.fill("#key", "sk-bf-team-a-secret")
    page.wait("document.querySelector('.request [role=alert]').hidden")
    make(page)
    assert page.run("document.querySelector('image-run').state") == "made"
    for language in ("curl", "Python", "JavaScript"):
        assert "team-a" not in (text := sample(page, language)) and "IMAGE_GATEWAY_KEY" in text
    stored = page.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert "team-a" not in stored and "team-a" not in page.run("document.documentElement.outerHTML")


def test_where_a_key_is_optional_one_can_be_given(scratch, serve, browse):
    keys = write_keys(scratch / "keys.json", [key_entry("team-a", "sk-bf-team-a-secret")])
    page = browse(serve(f"image_provider sandbox {{ api sandbox; }} image_model auto sandbox/placeholder; image_gateway_keys {keys};",
                        location="image_gateway; image_gateway_auth optional;"))
    make(page)
    assert page.run("document.querySelector('image-run').state") == "made" and page.count("#key") == 1


def test_history_brings_back_what_was_made(serve, browse):
    page = browse(serve())
    make(page, "the first")
    assert page.count(".history") == 0
    make(page, "the second")
    assert page.run("[...document.querySelectorAll('.history button')].map((each) => each.title)") == ["the second", "the first"]
    page.click(".history li:nth-child(2) button")
    assert page.run("document.querySelector('image-run .stage img').alt").startswith("the first")
    assert page.run("document.querySelector('.history li:nth-child(2) button').getAttribute('aria-current')") == "true"


HARD = "it's \"a\" kite\n$(touch /tmp/x) `x` \\ 'end'"


@pytest.mark.parametrize("previews", ("0", "1"))
def test_the_same_call_works_from_a_shell_and_from_python(serve, browse, scratch, previews):
    g = serve()
    page = browse(g)
    open_all(page)
    page.fill(".partial_images input", previews)
    page.fill(".seed input", "7")
    make(page, HARD)
    curl = sample(page, "curl")
    done = subprocess.run(["bash", "-c", curl], cwd=scratch, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "completed" in done.stdout if previews == "1" else (scratch / "image.png").read_bytes().startswith(b"\x89PNG")
    (scratch / "image.png").unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-c", sample(page, "Python")], cwd=scratch, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (scratch / "image.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_edit_works_from_a_shell_and_from_python(scratch, serve, browse):
    (scratch / "it's one.png").write_bytes(original(64, 48))
    page = browse(serve())
    use_operation(page, "Edit")
    open_all(page)
    page.fill(".partial_images input", "0")
    page.files("picture-input input[type=file]", scratch / "it's one.png")
    page.wait("document.querySelectorAll('picture-input .pictures img').length === 1")
    make(page, HARD)
    for command in (["bash", "-c", sample(page, "curl")], [sys.executable, "-c", sample(page, "Python")]):
        (scratch / "image.png").unlink(missing_ok=True)
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert (scratch / "image.png").read_bytes().startswith(b"\x89PNG"), done.stdout


def test_a_provider_that_waits_long_is_waited_for(serve, browse, openai):
    openai.always(Delay(1))
    page = browse(serve(with_openai(openai)))
    page.choose("[data-field=model]", "openai/gpt-image-2")
    make(page)
    assert page.run("document.querySelector('image-run').elapsed") > 1000


def test_an_answer_that_is_not_the_gateways_is_said_to_be_so(serve, browse):
    g = serve(extra="location = /other { image_gateway_page api=/nothing/; }")
    page = browse(g, "/other")
    page.wait("document.querySelector('.request [role=alert]:not([hidden])') !== null")
    assert "The server answered 404" in page.text(".request [role=alert]")
    assert page.run("document.querySelector('button[type=submit]').disabled")


