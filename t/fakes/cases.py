"""Every dialect that there is a fake of, in the contract suite's words. The one place to add another."""

from . import huggingface, openai, stability

CASES = [huggingface.CASE, openai.CASE, stability.CASE]
