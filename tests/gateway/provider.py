"""A small OpenID provider of our own: real keys, real HTTP, and every way to lie that the tests need."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "omsorgstid-test", "en hemmelighed"
Claims = dict[str, Any]


@dataclass
class OpenIdProvider:
    """Signs in whoever ``person`` describes, without asking.

    ``change`` may alter the claims, ``sign`` may sign them otherwise, ``answer`` is added to what goes back with the
    code. All three are put back by :meth:`honest`.
    """

    host: str = "127.0.0.1"
    person: Claims = field(default_factory=dict)
    change: Callable[[Claims], Claims] = dict
    sign: Callable[["OpenIdProvider", Claims], str] | None = None
    answer: dict[str, str] = field(default_factory=dict)
    announced_issuer: str | None = None
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    asked: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self) -> "OpenIdProvider":
        """Listen on a free port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, name="openid-provider", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    @property
    def issuer(self) -> str:
        """Its name."""
        return f"http://{self.host}:{self._server.server_port}"

    def honest(self) -> None:
        """Stop lying."""
        self.change, self.sign, self.answer, self.announced_issuer = dict, None, {}, None

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        self.key = new_key(secrets.token_hex(4))

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.announced_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "authorization_response_iss_parameter_supported": True,
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the person goes back to."""
        self.asked.append(query)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer} | self.answer
        return f"{query['redirect_uri']}?{urlencode({k: v for k, v in back.items() if v})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code for a token: once, with the verifier, by the client it was made for."""
        asked = self._codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or authorization != expected or asked.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant"}
        if asked["redirect_uri"] != form.get("redirect_uri") or asked.get("code_challenge_method") != "S256":
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self._id_token(asked)}

    def _id_token(self, asked: dict[str, str]) -> str:
        now_s = int(time.time())
        claims = self.change(
            {
                "iss": self.issuer,
                "aud": CLIENT,
                "iat": now_s,
                "exp": now_s + 300,
                "nonce": asked["nonce"],
                **self.person,
            }
        )
        return self.sign(self, claims) if self.sign else signed(self.key, claims)


def new_key(kid: str) -> RSAKey:
    """A key pair with a name."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def signed(key: RSAKey, claims: Claims) -> str:
    """A token as it should be."""
    return jwt.encode({"alg": "RS256", "kid": str(key.as_dict(private=False)["kid"])}, claims, key)


def unsigned(_provider: OpenIdProvider, claims: Claims) -> str:
    """``alg: none``."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."


def by_a_stranger(provider: OpenIdProvider, claims: Claims) -> str:
    """Another key under the name of the provider's."""
    stranger = new_key(str(provider.key.as_dict(private=False)["kid"]))
    return signed(stranger, claims)


def by_the_public_key(provider: OpenIdProvider, claims: Claims) -> str:
    """The provider's public key used as if it were a shared secret."""
    secret = OctKey.import_key(json.dumps(provider.key.as_dict(private=False)) + "padding to be long enough")
    return jwt.encode({"alg": "HS256", "kid": str(provider.key.as_dict(private=False)["kid"])}, claims, secret)


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            elif parts.path == "/keys":
                self._answer(200, {"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
