"""Edits, variations and input images: what callers send, what providers get, what comes back."""

import base64
import io
import json
import random

import pytest
from fakes.behaviours import Json
from fakes.edited import mask, original, painted_box, saved
from fakes.openai import ERRORS
from fakes.openai_edits import images_of, mask_of, read_edit
from harness import background, call, form, provider
from PIL import Image

OPEN = "image_gateway; image_gateway_auth off; image_gateway_raw on;"
SANDBOX = "image_provider sandbox { api sandbox; }"
MODEL = "openai/gpt-image-1.5"
LARGE = (700, 500)  # as a PNG with noise more than 64 KB


@pytest.fixture
def g(gateway, openai):
    return gateway(OPEN, provider("openai", openai) + SANDBOX)


def noisy(width=LARGE[0], height=LARGE[1], seed=1) -> bytes:
    """An image that does not become small, and has no pixel like the paint."""
    noise = bytes(96 | byte & 63 for byte in random.Random(seed).randbytes(width * height * 3))
    return saved(Image.frombytes("RGB", (width, height), noise))


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def image_of(reply) -> bytes:
    return base64.b64decode(reply.json["data"][0]["b64_json"])


def parts_of(request) -> list:
    """Fields and files, without the boundary."""
    fields, files = read_edit(request)
    return [fields, files]


@pytest.mark.parametrize("content", (original(), noisy()), ids=("in memory", "in a file"))
def test_the_same_edit_reaches_the_provider_whatever_form_it_came_in(g, openai, content):
    forms = [[("image", content)], [("image[]", content)]]
    for files in forms:
        assert g.edit(files, model=MODEL, n=2).status == 200
    for images in ({"image": data_url(content)}, {"images": [{"image_url": data_url(content)}]},
                   {"image": base64.b64encode(content).decode()}, {"input_references": [{"type": "image_url", "image_url": {"url": data_url(content)}}]}):
        for path in ("/v1/images/edits", "/v1/images/generations"):
            reply = g.generate(model=MODEL, n=2, path=path, **images)
            assert reply.status == 200, (reply, openai.refusals)
            assert reply.json["extra_fields"]["request_type"] == "image_edit"
    assert len(openai.work) == 10
    first = parts_of(openai.work[0])
    assert first[0] == {"model": "gpt-image-1.5", "prompt": "a red kite", "n": 2}
    assert [(one.field, one.type, one.content) for one in first[1]] == [("image", "image/png", content)]
    assert all(parts_of(one) == first for one in openai.work)
    assert len({one.headers["content-type"] for one in openai.work}) == 10, "each call has a boundary of its own"


def test_files_may_precede_everything_and_chunks_may_be_small(g, openai):
    content = noisy()
    content_type, body = form([("image[]", content), ("image[]", original()), ("mask", mask(*LARGE)), ("n", "1"), ("prompt", "a"),
                               ("model", MODEL)])
    raw = g.connect()
    raw.send(f"POST /v1/images/edits HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n")
    for at in range(0, len(body), 9000):
        raw.send(b"%x\r\n%s\r\n" % (len(body[at:at + 9000]), body[at:at + 9000]))
    raw.send(b"0\r\n\r\n")
    assert raw.response().status == 200
    files = parts_of(openai.work[0])[1]
    assert [one.field for one in files] == ["image[]", "image[]", "mask"]
    assert [one.content for one in files] == [content, original(), mask(*LARGE)]


def test_the_mask_selects_what_changes(g, openai):
    for files in ([("image", original())], [("image", original()), ("mask", mask())]):
        reply = g.edit(files, model=MODEL)
        assert reply.status == 200, (reply, openai.refusals)
    assert painted_box(image_of(reply)) == (0, 0, 32, 48)
    assert reply.json["extra_fields"]["inputs"] == [
        {"role": "image", "width": 64, "height": 48, "format": "png", "bytes": len(original())},
        {"role": "mask", "width": 64, "height": 48, "format": "png", "bytes": len(mask())}]
    assert reply.json["usage"]["input_tokens_details"]["image_tokens"] == 323
    assert reply.json["extra_fields"]["cost"]["basis"] == "tokens"


def test_a_mask_without_alpha_is_read_as_white_is_edited(g, openai):
    black_and_white = Image.new("L", (64, 48), 0)
    black_and_white.paste(255, (0, 0, 64, 24))
    files = [("image", original()), ("mask", saved(black_and_white))]
    reply = g.edit(files, model=MODEL)
    assert reply.status == 200, (reply, openai.refusals)
    assert painted_box(image_of(reply)) == (0, 0, 64, 24)
    assert reply.json["extra_fields"]["adjustments"][0]["reason"].startswith("the mask has no transparent pixels")
    strict = g.edit(files, {"X-Image-Gateway-Fit": "strict"}, model=MODEL)
    assert (strict.status, strict.json["error"]["code"], strict.json["error"]["param"]) == (400, "invalid_mask", "mask")


@pytest.mark.parametrize("content, code", ((b"GIF89a?", "invalid_image"), (b"%PDF-1.7 not an image", "unsupported_image_format"),
                                           (original()[:-20], "invalid_image"), (b"\x89PNG\r\n\x1a\n", "invalid_image")))
def test_what_is_no_image_costs_no_call(g, openai, content, code):
    reply = g.edit([("image", content)], model=MODEL)
    assert (reply.status, reply.json["error"]["code"], reply.json["error"]["param"]) == (400, code, "image")
    assert not openai.work


def test_a_buffer_that_javascript_exploded_is_refused_with_advice(g):
    reply = g.edit([(f"image[{index}]", str(byte)) for index, byte in enumerate(original()[:300])], model=MODEL)
    assert reply.status == 400
    assert "toFile" in reply.json["error"]["message"]


def test_bounds_of_the_location_hold(gateway):
    g = gateway(f"{OPEN} image_gateway_input_max 100k pixels=400000 count=2 total=300k;", SANDBOX)
    def code(*files):
        reply = g.edit([("image[]", one) for one in files], model="sandbox/placeholder")
        return reply.status, reply.json.get("error", {}).get("code")
    assert code(original())[0] == code(original(), original())[0] == 200
    assert code(original(), original(), original()) == (400, "array_above_max_length")
    assert code(original(800, 501)) == (400, "image_too_large")
    assert code(noisy(300, 200)) == (400, "image_too_large")
    assert code(noisy(600, 300)) == (413, "request_too_large")
    big = g.generate(model="sandbox/placeholder", path="/v1/images/edits", image=data_url(noisy(300, 200)))
    assert (big.status, big.json["error"]["code"]) == (400, "image_too_large")


def test_disk_space_is_bounded_for_each_caller(gateway):
    g = gateway(OPEN, SANDBOX + "image_gateway_input_disk 4m;")
    assert g.edit([("image", noisy(300, 200))], model="sandbox/placeholder").status == 200
    reply = g.edit([("image", noisy(2000, 1000))], model="sandbox/placeholder")
    assert (reply.status, reply.json["error"]["code"]) == (507, "disk_space_short")
    assert reply.headers["Retry-After"]


def test_disk_space_of_fetched_images_and_masks_is_counted(gateway, scratch):
    (scratch / "large.png").write_bytes(noisy(1200, 1000))  # 3.6 MB
    scratch.chmod(0o755)
    g = gateway(f"{OPEN} image_gateway_input_allow 127.0.0.0/8;", SANDBOX + "image_gateway_input_disk 4m share=100%;",
                extra_locations=f"location /pictures/ {{ alias {scratch}/; }}")
    url = f"{g.url}/pictures/large.png"
    assert g.generate(model="sandbox/placeholder", image=url).status == 200
    reply = g.generate(model="sandbox/placeholder", images=[url, url])
    assert (reply.status, reply.json["error"]["code"]) == (507, "disk_space_short")
    assert reply.headers["Retry-After"]
    blank = saved(Image.new("RGB", (1500, 1500)))
    reply = g.edit([("image", blank), ("mask", mask(1500, 1500))], model="sandbox/placeholder")
    assert (reply.status, reply.json["error"]["code"]) == (507, "disk_space_short"), "a mask may need 9 MB, until it is written"
    for _ in range(3):
        assert g.edit([("image", saved(Image.new("RGB", (900, 900)))), ("mask", mask(900, 900))], model="sandbox/placeholder").status == 200


def test_text_beside_images_is_bounded_by_body_max(gateway):
    g = gateway(f"{OPEN} image_gateway_body_max 20k;", SANDBOX)
    content = data_url(noisy(300, 200))
    assert g.generate(model="sandbox/placeholder", image=content).status == 200
    assert g.generate(model="sandbox/placeholder", image=content, prompt="a" * 30_000).status == 413
    assert g.edit([("image", noisy(300, 200))], model="sandbox/placeholder", prompt="a" * 30_000).status == 400


def test_images_behind_urls_are_fetched_only_from_allowed_networks(gateway, openai):
    server = "location = /picture.png { return 200 x; }"
    refused = gateway(OPEN, provider("openai", openai), extra_locations=server)
    url = f"{refused.url}/picture.png"
    reply = refused.generate(model=MODEL, image=url)
    assert (reply.status, reply.json["error"]["code"], reply.json["error"]["param"]) == (400, "invalid_image", "image")
    assert "not allowed" in reply.json["error"]["message"]
    allowed_for_links = gateway(f"{OPEN} image_gateway_fetch_allow 127.0.0.0/8;", provider("openai", openai))
    assert allowed_for_links.generate(model=MODEL, image=url).status == 400
    assert not openai.work


def test_an_image_behind_a_url_is_sent_as_bytes(gateway, openai, scratch):
    for size in ((64, 48), LARGE):
        (scratch / f"{size[0]}.png").write_bytes(noisy(*size))
    scratch.chmod(0o755)
    g = gateway(f"{OPEN} image_gateway_input_allow 127.0.0.0/8;", provider("openai", openai),
                extra_locations=f"location /pictures/ {{ alias {scratch}/; }}")
    for size in ((64, 48), LARGE):
        reply = g.generate(model=MODEL, images=[{"image_url": f"{g.url}/pictures/{size[0]}.png"}])
        assert reply.status == 200, reply
        assert images_of(parts_of(openai.work[-1])[1])[0].content == noisy(*size)


def test_links_to_kept_images_work_on_every_path(gateway, scratch):
    g = gateway(OPEN, f"{SANDBOX} image_gateway_store {scratch}/store;", extra_locations=f"location /openai/ {{ {OPEN} }}")
    for path, fields in (("/v1/images/edits", {}), ("/v1/images/variations", {"prompt": None}), ("/openai/v1/images/edits", {})):
        reply = g.edit([("image", original())], path=path, model="sandbox/placeholder", response_format="url", **fields)
        assert reply.status == 200, reply
        kept = g.get(reply.json["data"][0]["url"].removeprefix(g.url))
        assert (kept.status, kept.headers["content-type"]) == (200, "image/png"), reply.json["data"][0]["url"]


def test_a_stream_of_edits_has_its_own_events(g, openai):
    reply = g.edit([("image", original())], model=MODEL, stream="true", partial_images=1)
    names = [line[7:] for line in reply.text.splitlines() if line.startswith("event: ")]
    assert names == ["image_edit.partial_image", "image_edit.completed"]
    assert parts_of(openai.work[0])[0]["stream"] is True
    last = json.loads(reply.text.splitlines()[-2][6:])
    assert last["extra_fields"]["request_type"] == "image_edit_stream"
    assert last["extra_fields"]["inputs"][0]["role"] == "image"


def test_the_sandbox_edits_and_varies_without_any_provider(g):
    reply = g.edit([("image", original())], model="sandbox/placeholder")
    assert reply.status == 200 and reply.json["size"] == "64x48"
    masked = g.edit([("image", original()), ("mask", mask())], model="sandbox/placeholder", seed=1)
    before, after = (Image.open(io.BytesIO(one)).convert("RGB") for one in (original(), image_of(masked)))
    kept, edited = (32, 0, 64, 48), (0, 0, 32, 48)
    assert after.crop(kept).tobytes() == before.crop(kept).tobytes()
    assert after.crop(edited).tobytes() != before.crop(edited).tobytes()
    varied = g.edit([("image", original())], path="/v1/images/variations", prompt=None, model="sandbox/placeholder")
    assert varied.status == 200 and varied.json["extra_fields"]["request_type"] == "image_variation"


def test_a_model_that_cannot_is_passed_over(gateway, openai):
    g = gateway(OPEN, provider("openai", openai) + SANDBOX + "image_model both openai/gpt-image-2 sandbox/placeholder;")
    reply = g.edit([("image", original())], path="/v1/images/variations", prompt=None, model="both")
    assert reply.json["extra_fields"]["provider"] == "sandbox"
    refused = g.edit([("image", original())], path="/v1/images/variations", prompt=None, model=MODEL)
    assert (refused.status, refused.json["error"]["code"]) == (400, "unsupported_operation")


def vary(g, model, headers=(), **fields):
    return g.edit([("image", original())], headers, path="/v1/images/variations", **{"prompt": None, "model": model, **fields})


def test_an_alias_may_make_variations_by_edits(gateway, openai):
    g = gateway(OPEN, provider("openai", openai) + SANDBOX + f"""
        image_model by_edit variation=edit {MODEL};
        image_model both variation=edit {MODEL} sandbox/placeholder;
        image_model none variation=model {MODEL};""")
    reply = vary(g, "by_edit", n=2)
    assert reply.status == 200, (reply, openai.refusals)
    assert reply.json["extra_fields"]["request_type"] == "image_variation"
    assert (openai.work[0].path, painted_box(image_of(reply))) == ("/v1/images/edits", (0, 0, 64, 6))
    sent = parts_of(openai.work[0])[0]
    assert sent["n"] == 2 and sent["prompt"].startswith("Create a variation of this image.")
    only, = reply.json["extra_fields"]["adjustments"]
    assert (only["param"], only["requested"], only["sent"]) == ("prompt", None, sent["prompt"])
    assert "makes no variations" in only["reason"]
    assert reply.json["extra_fields"]["cost"]["usd"] > 0
    assert vary(g, "by_edit", prompt="another sky").status == 200
    assert parts_of(openai.work[1])[0]["prompt"] == "another sky"
    assert vary(g, "both").json["extra_fields"]["provider"] == "sandbox", "a model that makes variations comes first"
    for refused in (vary(g, "none"), vary(g, "by_edit", {"X-Image-Gateway-Fit": "strict"})):
        assert (refused.status, refused.json["error"]["code"]) == (400, "unsupported_operation")
    assert len(openai.work) == 2
    assert g.get("/v1/models/by_edit").json["alias"]["variation"] == "edit"
    assert "variation" not in g.get("/v1/models/none").json["alias"]


def test_an_edit_takes_over_from_a_model_that_makes_variations(gateway, openai):
    g = gateway(OPEN, provider("openai", openai) + "image_provider sandbox { api sandbox; fail broken; retry off; }"
                f"image_model both variation=edit {MODEL} sandbox/placeholder;")
    reply = vary(g, "both")
    assert [one["provider"] for one in reply.json["extra_fields"]["attempts"]] == ["sandbox", "openai"]


def test_a_mask_that_selects_nothing_is_listed(g, openai):
    opaque = Image.new("RGBA", (64, 48), (0, 0, 0, 255))
    opaque.paste((255, 255, 255, 255), (0, 0, 32, 48))  # black and white, and opaque
    reply = g.edit([("image", original()), ("mask", saved(opaque))], model=MODEL)
    assert reply.status == 200 and painted_box(image_of(reply)) is None
    assert reply.json["extra_fields"]["adjustments"][0]["reason"].startswith("no pixel of the mask is transparent")


def test_neighbours_get_their_own_images(g, openai):
    def one(seed):
        content = noisy(300, 200, seed)
        reply = g.edit([("image", content), ("mask", mask(300, 200, (seed, 0, seed + 10, 200)))], model=MODEL)
        assert reply.status == 200
        return painted_box(image_of(reply)) == (seed, 0, seed + 10, 200)
    waiting = [background(one, seed) for seed in range(12)]
    assert all(future.result(60) for future in waiting)


def test_a_repeated_call_sends_the_files_again(gateway, openai):
    g = gateway(OPEN, provider("openai", openai, "retry attempts=2 backoff=1ms..2ms within=5s;"))
    openai.next(ERRORS["server_is_overloaded"])
    content = noisy()
    reply = g.edit([("image", content)], model=MODEL)
    assert reply.status == 200, reply
    assert [images_of(parts_of(one)[1])[0].content == content for one in openai.work] == [True, True]
    assert mask_of(parts_of(openai.work[0])[1]) is None


def test_no_file_is_left_behind(g, openai):
    assert g.edit([("image", noisy())], model=MODEL).status == 200
    assert call(f"{g.url}/v1/images/edits", "POST", b"--x\r\n", {"Content-Type": "multipart/form-data; boundary=x"}).status == 400
    left = [path for path in (g.directory).rglob("*") if path.is_file() and "client_body" in str(path)]
    assert not left


DRAWING = b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='48'/>"


@pytest.mark.parametrize("content, code, says", (
    (saved(Image.open(io.BytesIO(original())), "GIF"), "unsupported_image_format", "is a gif image; this model takes only png, jpeg, webp"),
    (saved(Image.open(io.BytesIO(original())), "TIFF"), "unsupported_image_format", "PNG, JPEG, WebP, GIF, AVIF or HEIC"),
    (DRAWING, "unsupported_image_format", "PNG, JPEG, WebP, GIF, AVIF or HEIC")), ids=("gif", "tiff", "svg"))
def test_formats_that_a_model_does_not_take_are_refused_with_those_that_it_takes(g, openai, content, code, says):
    for field in ("image", "image[]"):
        reply = g.edit([(field, content)], model=MODEL)
        assert (reply.status, reply.json["error"]["code"], reply.json["error"]["param"]) == (400, code, "image")
        assert says in reply.json["error"]["message"]
    mask_too = g.edit([("image", original()), ("mask", content)], model=MODEL)
    assert (mask_too.status, mask_too.json["error"]["code"], mask_too.json["error"]["param"]) == (400, code, "mask")
    assert not openai.requests


@pytest.mark.parametrize("output_format", ("gif", "svg", "avif"))
def test_formats_that_cannot_be_checked_are_not_requested(g, openai, output_format):
    reply = g.edit([("image", original())], model=MODEL, output_format=output_format)
    assert (reply.status, reply.json["error"]["param"]) == (400, "output_format")
    assert "png" in reply.json["error"]["message"] and not openai.requests


def test_a_drawing_in_the_place_of_an_image_is_no_image(g, openai):
    openai.next(Json({"created": 1, "data": [{"b64_json": base64.b64encode(DRAWING).decode()}]}))
    reply = g.edit([("image", original())], model=MODEL)
    assert reply.status == 502 and "svg" not in reply.text
