"""Webhook messages, verified by the official packages of Standard Webhooks and by OpenAI's Python client."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
import standardwebhooks
from fakes.webhook_receiver import WebhookReceiver
from harness import key_entry, write_keys
from sandbox import SANDBOX

HERE = Path(os.environ.get("SDK_NODE_DIR") or Path(__file__).parent / "node").absolute()
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
LINES = ("0123456789abcdef" * 2, "fedcba9876543210" * 2)


class Any(WebhookReceiver):
    """Takes all messages; the packages verify them."""

    def refuse(self, request):
        return None


@pytest.fixture
def messages(scratch, gateway, project):
    """Those of the callers a and b, with headers and body, and a function that gives the secrets of a caller."""
    key = scratch / "webhook.key"
    key.write_text("\n".join(LINES) + "\n")
    key.chmod(0o644)
    keys = write_keys(scratch / "keys.json", [key_entry(id, f"sk-{id}") for id in "ab"])
    with Any() as receiver:
        g = gateway(f"image_gateway; image_gateway_keys {keys}; image_gateway_jobs on; image_gateway_store {scratch}/store;"
                    f"image_gateway_webhook_key {key}; image_gateway_webhook_allow 127.0.0.0/8;",
                    SANDBOX + f"image_gateway_state {scratch}/state/state.db;")
        for number, id in enumerate("ab", 1):
            headers = {"x-api-key": f"sk-{id}", "Prefer": "respond-async", "X-Image-Gateway-Webhook": receiver.origin}
            assert g.generate(headers).status == 202
            receiver.wait_requests(number)
        seen = [({name: one.headers[name] for name in NAMES}, one.body.decode()) for one in receiver.requests]

    def secrets(id):
        done = subprocess.run([project / "src/tools/image-gateway", "webhook-secret", id, key], capture_output=True,
                              text=True, timeout=30, check=True)
        return done.stdout.split()

    return seen, secrets


def test_the_package_of_pypi_verifies_them(messages):
    ((headers, body), other), secrets = messages
    for secret in secrets("a"):
        webhook = standardwebhooks.Webhook(secret)
        assert webhook.verify(body, headers)["type"] == "image.job.completed"
        for wrong in (other, (headers, body + " "), ({**headers, "webhook-id": "msg_1"}, body)):
            with pytest.raises(standardwebhooks.WebhookVerificationError):
                webhook.verify(wrong[1], wrong[0])


def test_the_package_of_npm_verifies_them(messages):
    if not shutil.which("node"):
        pytest.skip("there is no node")
    seen, secrets = messages
    ask = [{"headers": headers, "body": body} for headers, body in [*seen, (seen[0][0], seen[0][1] + " ")]]
    for secret in secrets("a"):
        done = subprocess.run(["node", HERE / "verify.mjs"], capture_output=True, text=True, timeout=60,
                              input=json.dumps({"secret": secret, "messages": ask}))
        assert done.returncode == 0, done.stderr
        right, other, changed = json.loads(done.stdout)
        assert right["type"] == "image.job.completed" and right == json.loads(seen[0][1])
        assert other is None and changed is None


def test_openais_client_verifies_them(messages):
    ((headers, body), other), secrets = messages
    client = openai.OpenAI(api_key="any")
    for secret in secrets("a"):
        client.webhooks.verify_signature(body, headers, secret=secret)
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.verify_signature(other[1], other[0], secret=secret)
