"""Every dialect that there is a fake of, in the contract suite's words. The one place to add another."""

from . import cloudflare, huggingface, openai, stability

CASES = [cloudflare.CASE, huggingface.CASE, openai.CASE, stability.CASE]
