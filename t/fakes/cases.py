"""Every dialect that there is a fake of, in the contract suite's words. The one place to add another."""

from . import (automatic1111, black_forest_labs, cloudflare, fal, google_gemini, huggingface, openai, replicate,
               stability)

CASES = [openai.CASE, google_gemini.CASE, black_forest_labs.CASE, replicate.CASE, fal.CASE, fal.RUN_CASE,
         stability.CASE, huggingface.CASE, cloudflare.CASE, automatic1111.CASE]
