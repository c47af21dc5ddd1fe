"""Signed tokens (JWS) and the key sets that they are verified with, made as an identity provider would, or an attacker."""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def encode(data) -> str:
    if isinstance(data, (dict, list)):
        data = json.dumps(data)
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def number(value: int, size=None) -> str:
    return encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def digest_of(algorithm):
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:]]()


class SigningKey:
    """One of these types: HS, RSA, P-256, P-384, Ed25519."""

    def __init__(self, type: str, kid=None, bits: int = 2048):
        self.type, self.kid = type, kid
        make = {"HS": lambda: hashlib.sha512(str(time.time_ns()).encode()).digest(),
                "RSA": lambda: rsa.generate_private_key(65537, bits), "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
                "P-384": lambda: ec.generate_private_key(ec.SECP384R1()), "Ed25519": ed25519.Ed25519PrivateKey.generate}
        self._key = make[type]()

    @property
    def algorithms(self) -> tuple:
        return {"HS": ("HS256", "HS384", "HS512"), "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
                "P-256": ("ES256",), "P-384": ("ES384",), "Ed25519": ("EdDSA",)}[self.type]

    def jwk(self, **members) -> dict:
        id = {"kid": self.kid} if self.kid else {}
        return {**self._material(), **id, **members}

    @property
    def public_pem(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, algorithm: str, data: bytes) -> bytes:
        if self.type == "HS":
            return hmac.digest(self._key, data, {"256": "sha256", "384": "sha384", "512": "sha512"}[algorithm[2:]])
        if self.type == "RSA":
            digest = digest_of(algorithm)
            pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
            return self._key.sign(data, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)
        if self.type == "Ed25519":
            return self._key.sign(data)
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(digest_of(algorithm))))
        size = int(self.type[2:]) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def token(self, claims=None, algorithm=None, header=None, **more) -> str:
        """For the key "team-a", for an hour. `claims` may be the text of them; `header` adds to the header."""
        algorithm = algorithm or self.algorithms[0]
        if claims is None:
            claims = {"sub": "team-a", "exp": int(time.time()) + 3600, **more}
        id = {"kid": self.kid} if self.kid else {}
        signed = f"{encode({'alg': algorithm, **id, **(header or {})})}.{encode(claims)}"
        return f"{signed}.{encode(self.sign(algorithm, signed.encode()))}"

    def _material(self):
        if self.type == "HS":
            return {"kty": "oct", "k": encode(self._key)}
        public = self._key.public_key()
        if self.type == "RSA":
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        if self.type == "Ed25519":
            return {"kty": "OKP", "crv": "Ed25519", "x": encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}
        numbers, size = public.public_numbers(), int(self.type[2:]) // 8
        return {"kty": "EC", "crv": self.type, "x": number(numbers.x, size), "y": number(numbers.y, size)}


def key_set(*keys) -> str:
    return json.dumps({"keys": [key.jwk() if isinstance(key, SigningKey) else key for key in keys]})
