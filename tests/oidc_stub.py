"""A small OpenID Connect provider for tests: it signs in one person at once, without a password."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT = "affectory-test"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass
class Provider:
    """Who is signed in next, and what the provider signs with."""

    email: str
    verified: bool = True
    base: str = ""
    nonces: dict[str, str] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def metadata(self) -> dict[str, object]:
        places = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "keys",
        }
        return {"issuer": self.base, **{name: f"{self.base}/{path}" for name, path in places.items()}}

    def keys(self) -> dict[str, object]:
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)}
        return {"keys": [key]}

    def token(self, code: str) -> dict[str, object]:
        now = int(time.time())
        claims = {"iss": self.base, "aud": CLIENT, "sub": self.email, "iat": now, "exp": now + 600}
        claims |= {"nonce": self.nonces[code], "email": self.email, "email_verified": self.verified}
        head = {"alg": "RS256", "kid": "1"}
        signed = ".".join(_text(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"access_token": "a", "token_type": "Bearer", "id_token": f"{signed}.{_text(signature)}"}


@contextmanager
def providing(email: str) -> Iterator[Provider]:
    """Serve a provider that signs in the person with this address."""
    provider = Provider(email)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            if asked.path == "/authorize":
                code = f"code{len(provider.nonces)}"
                provider.nonces[code] = query["nonce"]
                self.send_response(302)
                back = urlencode({"code": code, "state": query["state"]})
                self.send_header("Location", f"{query['redirect_uri']}?{back}")
                self.end_headers()
            else:
                self._answer(provider.keys() if asked.path == "/keys" else provider.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token(parse_qs(body)["code"][0]))

        def _answer(self, value: dict[str, object]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.base = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def secrets(provider: Provider, dashboard: str, allowed: list[str]) -> str:
    """Return the secrets.toml of a dashboard that signs people in with this provider."""
    return f"""
[auth]
redirect_uri = "{dashboard}/oauth2callback"
cookie_secret = "a secret of the tests, long enough"
client_id = "{CLIENT}"
client_secret = "none"
server_metadata_url = "{provider.base}/.well-known/openid-configuration"

[sign_in]
allowed = {json.dumps(allowed)}
"""
