"""Signatures of requests and links as the programs of others check them: botocore, and the server of moto."""

import datetime
import json
import os
import random
import re
import socket
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from fakes.s3 import ACCESS_KEY, SECRET_KEY, S3
from fakes.server import note_port
from harness.gateway import until
from ports import free_port

SANDBOX = "image_provider sandbox { api sandbox; } image_model auto sandbox/placeholder;\n"
OPEN = "image_gateway; image_gateway_auth off;"
ASK = {"response_format": "url", "size": "64x48"}


# botocore


def signature_of(request, origin, region) -> str:
    """What botocore would sign a request with that a store has seen."""
    headers = {name: value for name, value in request.headers.items() if name not in ("authorization", "accept", "user-agent", "content-length", "expect")}
    query = f"?{request.query}" if request.query else ""
    asked = AWSRequest(request.method, f"{origin}{request.path}{query}", headers, request.body)
    asked.context["timestamp"] = request.headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", region)
    return auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)


def signature_of_link(url, region) -> str:
    asked = AWSRequest("GET", url.partition("&X-Amz-Signature=")[0], {"host": urlsplit(url).netloc})
    values = dict(part.split("=") for part in urlsplit(url).query.split("&"))
    asked.context["timestamp"] = values["X-Amz-Date"]
    auth = S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", region)
    return auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)


PARTS = ["a", "Z", "0", "-", "_", ".", "~", " ", "%", "+", "=", "&", "#", "?", "!", "(", ")", "*", ",", ":", "@", "ü", "語", "😀", "/x", "%2F"]


def random_prefix(drawn) -> str:
    return "p" + "".join(drawn.choice(PARTS) for _ in range(drawn.randrange(12))) + "e"


def test_every_signature_is_the_one_of_botocore(gateway):
    drawn = random.Random(7)
    region = "eu-central-1"
    with S3(region=region) as s3:
        locations = "".join(f"location /l{number}/ {{ {OPEN} image_gateway_store 's3://pictures/{random_prefix(drawn)}{number}' "
                            f"endpoint={s3.origin} region={region} ttl={drawn.randrange(1, 600000)}s; }}" for number in range(12))
        g = gateway(OPEN, SANDBOX, extra_locations=locations, env={"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
        for number in range(12):
            reply = g.generate(path=f"/l{number}/images/generations", **ASK)
            url = reply.json["data"][0]["url"]
            assert url.startswith(s3.origin), g.error_log()[-2000:]
            assert url.endswith("&X-Amz-Signature=" + signature_of_link(url, region)), url
        assert until(lambda: len(s3.lists) >= 12, 15, 0.1)
        for request in s3.requests:
            assert request.headers["authorization"].endswith("Signature=" + signature_of(request, s3.origin, region)), request.path
        assert s3.refusals == [] and len(s3.puts) == 12


# moto


@pytest.fixture(scope="module")
def moto():
    """moto's server with its check of signatures, a bucket, and a user's key that may do all with it."""
    port = free_port()
    note_port(port)
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)), 60, 0.1), "moto does not start"
        origin = f"http://127.0.0.1:{port}"

        def client(service, key="any", secret="any"):
            return boto3.client(service, endpoint_url=origin, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)

        iam = client("iam")
        iam.create_user(UserName="gateway")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="gateway")["AccessKey"]
        client("s3").create_bucket(Bucket="pictures")
        env = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        yield origin, env, client("s3", key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        server.kill()
        server.wait()


def store(moto, prefix, options="") -> str:
    return f"image_gateway_store 's3://pictures/{prefix}' endpoint={moto[0]} region=us-east-1 {options};"


def test_moto_refuses_a_wrong_secret(moto, gateway):
    with pytest.raises(ClientError):
        boto3.client("s3", endpoint_url=moto[0], region_name="us-east-1", aws_access_key_id=moto[1]["AWS_ACCESS_KEY_ID"],
                     aws_secret_access_key="wrong").list_objects_v2(Bucket="pictures")
    g = gateway(OPEN + store(moto, "wrong"), SANDBOX, env={**moto[1], "AWS_SECRET_ACCESS_KEY": "wrong"})
    reply = g.generate(**ASK)
    assert reply.json["data"][0]["url"].startswith("data:") and "status 403 SignatureDoesNotMatch" in g.error_log()


@pytest.mark.parametrize("prefix", ("plain", "with space/ü+&"))
def test_moto_takes_an_image(moto, gateway, prefix):
    """moto's check of signatures fails for links, which have none in a header; botocore has checked those above."""
    g = gateway(OPEN + store(moto, prefix), SANDBOX, env=moto[1])
    reply = g.generate(**ASK)
    url = reply.json["data"][0]["url"]
    assert url.startswith(moto[0]), g.error_log()[-2000:]
    listed, = moto[2].list_objects_v2(Bucket="pictures", Prefix=prefix)["Contents"]
    assert unquote(urlsplit(url).path) == "/pictures/" + listed["Key"]
    got = moto[2].get_object(Bucket="pictures", Key=listed["Key"])
    assert got["ContentType"] == "image/png"
    assert re.fullmatch(r"private, max-age=(3600|359\d), immutable", got["CacheControl"])
    body = got["Body"].read()
    assert body.startswith(b"\x89PNG") and len(body) == reply.json["extra_fields"]["images"][0]["bytes"]


def test_moto_lists_and_removes_what_has_expired(moto, gateway):
    due = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    for letter in "abcdefghij":
        moto[2].put_object(Bucket="pictures", Key=f"old & new/{due}/{'a' * 25}{letter}.png", Body=b"x")
    moto[2].put_object(Bucket="pictures", Key=f"old & new/{due}/notes", Body=b"x")
    g = gateway(OPEN + store(moto, "old & new", "ttl=1h"), SANDBOX, env=moto[1])
    keys = lambda: [one["Key"] for one in moto[2].list_objects_v2(Bucket="pictures", Prefix="old & new/").get("Contents", [])]
    assert until(lambda: len(keys()) == 1, 30, 0.3), g.error_log()[-2000:]
    assert keys()[0].endswith("/notes")
    g.wait_log("removed 10 images")
