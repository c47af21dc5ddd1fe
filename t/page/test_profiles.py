"""The form keeps to the API of the location: a profile has fewer fields than a model takes, or requires some."""

import pytest
from harness import provider
from steps import facts, labels, make, open_all

PROFILES = ("unified", "mka1", "mka1-2025", "kkiai", "truefoundry", "mpilot")


def open_profile(serve, browse, profile, http="image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;"):
    page = browse(serve(http, location=f"image_gateway profile={profile}; image_gateway_auth off;"))
    open_all(page)
    return page


@pytest.mark.parametrize("profile", PROFILES)
def test_a_picture_can_be_made_in_every_profile(serve, browse, profile):
    page = open_profile(serve, browse, profile)
    make(page)
    assert page.run("document.querySelector('image-run').state") == "made", page.text(".results")
    assert facts(page)["Model"] == "sandbox/placeholder"


def test_fields_that_the_profile_lacks_are_absent(serve, browse):
    assert "Seed" not in labels(page := open_profile(serve, browse, "mka1")) and "Previews" not in labels(page)
    assert page.run("[...document.querySelectorAll('.size [type=radio]')].map((each) => each.value)") == [
        "", "auto", "256x256", "512x512", "1024x1024", "1024x1536", "1536x1024", "1792x1024", "1024x1792"]
    assert page.run("document.querySelector('.prompt textarea').maxLength") == 1000
    assert "Seed" in labels(open_profile(serve, browse, "mpilot"))


def test_fields_that_the_profile_requires_are_there_although_the_model_lacks_them(serve, browse, openai):
    page = open_profile(serve, browse, "kkiai", provider("openai", openai) + "image_model auto openai/gpt-image-2;")
    assert page.run("document.querySelector('.aspect_ratio :checked').value") == "21:9"
    page.click(".aspect_ratio .tile:has([value='16:9'])")
    make(page)
    width, height = map(int, openai.requests[-1].json["size"].split("x"))
    assert abs(width / height - 16 / 9) < 0.05
