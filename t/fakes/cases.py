"""Every dialect that there is a fake of, in the contract suite's words. The one place to add another."""

from . import (aggregator, automatic1111, azure_flux, azure_openai, black_forest_labs, cloudflare, fal, google_gemini, huggingface,
               openai, openrouter, recraft, replicate, sd_server, siliconflow, stability, together, vllm_omni, xai)

CASES = [openai.CASE, azure_openai.CASE, azure_flux.CASE, xai.CASE, together.CASE, openrouter.CASE, recraft.CASE, siliconflow.CASE,
         vllm_omni.CASE, sd_server.CASE, aggregator.CASE, google_gemini.CASE, black_forest_labs.CASE, replicate.CASE, fal.CASE,
         fal.RUN_CASE, stability.CASE, huggingface.CASE, cloudflare.CASE, automatic1111.CASE]
