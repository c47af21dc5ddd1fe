"""Every dialect that there is a fake of, in the contract suite's words. The one place to add another."""

from . import automatic1111, cloudflare, huggingface, openai, stability

CASES = [automatic1111.CASE, cloudflare.CASE, huggingface.CASE, openai.CASE, stability.CASE]
from . import black_forest_labs, openai
from . import black_forest_labs, openai, replicate

CASES = [openai.CASE, black_forest_labs.CASE, replicate.CASE]
from . import google_gemini, openai
from . import fal, google_gemini, openai

CASES = [openai.CASE, google_gemini.CASE, fal.CASE, fal.RUN_CASE]
