"""keys.json, as the gateway reads it."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from . import environment


def key_entry(id: str, secret: str, **members) -> dict:
    """One virtual key: only the secret's hash goes into the file."""
    return {"id": id, "sha256": hashlib.sha256(secret.encode()).hexdigest(), **members}


def write_keys(path, entries) -> Path:
    """Writes keys.json in one step (readers see the old file or the new one), for the workers' group only."""
    path = Path(path)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps({"keys": list(entries)}, indent=1))
    fresh.chmod(0o640)
    if environment.is_root():
        shutil.chown(fresh, "root", environment.worker_group())
    os.replace(fresh, path)
    return path
