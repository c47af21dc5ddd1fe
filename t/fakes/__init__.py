"""Fake providers: they check what the gateway sends as strictly as the real ones would."""
