"""A small OpenID Connect provider over http on loopback, for tests: discovery, keys, PKCE, codes that work once, RS256.

`python -m tests.oidc.provider` prints its port and serves. What the next sign-in says, and what is wrong with it, is
posted as JSON to /next: {"claims": {…}, "spoil": "" or one of the spoilings below}.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "eastwest", "hush"
OURS, FOREIGN = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
CODES: dict[str, dict[str, str]] = {}
NEXT: dict[str, Any] = {"claims": {}, "spoil": ""}


class Provider(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """Discovery, keys, and the page that would ask for a password: here everybody is signed in at once."""
        url = urlsplit(self.path)
        if url.path == "/.well-known/openid-configuration":
            self.say(self.configuration())
        elif url.path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key()))
            self.say({"keys": [{**key, "kid": "one", "alg": "RS256", "use": "sig"}]})
        elif url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            code = secrets.token_urlsafe(16)
            CODES[code] = asked
            self.send_response(302)
            self.send_header(
                "Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            )
            self.end_headers()
        else:
            self.say({"error": "nothing here"}, 404)

    def do_POST(self) -> None:
        """The token for a code, or what comes next."""
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/next":
            NEXT.update(json.loads(said))
            self.say({})
        else:
            given = {name: values[0] for name, values in parse_qs(said).items()}
            self.say(*self.token(given))

    def configuration(self) -> dict[str, Any]:
        """What discovery says."""
        base = self.base()
        issuer = "https://elsewhere.example" if NEXT["spoil"] == "discovery" else base
        return {
            "issuer": issuer, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys", "userinfo_endpoint": f"{base}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }  # fmt: skip

    def token(self, given: dict[str, str]) -> tuple[dict[str, Any], int]:
        """A token for a code, if client, secret and PKCE verifier are right."""
        asked = CODES.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)
        if asked is None or not right or asked.get("code_challenge") != challenge:
            return {"error": "invalid_grant"}, 400
        answer = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "expires_in": 60}
        return (answer if NEXT["spoil"] == "missing" else answer | {"id_token": self.id_token(asked)}), 200

    def id_token(self, asked: dict[str, str]) -> str:
        """The signed claims, or what a spoiling makes of them."""
        now, spoil = int(time.time()), NEXT["spoil"]
        claims = {
            "iss": self.base(), "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked.get("nonce", ""),
            "jti": secrets.token_hex(8), **NEXT["claims"],
        }  # fmt: skip
        if "max_age" in asked and spoil != "no auth_time":  # as the specification has it
            claims["auth_time"] = now - 900 if spoil == "old auth_time" else now
        changed: dict[str, dict[str, Any]] = {
            "issuer": {"iss": "https://elsewhere.example"}, "audience": {"aud": "another"}, "nonce": {"nonce": "old"},
            "expired": {"iat": now - 900, "exp": now - 600}, "party": {"azp": "another"},
        }  # fmt: skip
        claims |= changed.get(spoil, {})
        if spoil == "none":
            return jwt.encode(claims, "", algorithm="none", headers={"kid": "one"})
        if spoil == "hmac":
            return jwt.encode(claims, SECRET * 9, algorithm="HS256", headers={"kid": "one"})
        return jwt.encode(claims, FOREIGN if spoil == "signature" else OURS, algorithm="RS256", headers={"kid": "one"})

    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def say(self, content: dict[str, Any], status: int = 200) -> None:
        """JSON."""
        said = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_address[1], flush=True)
    server.serve_forever()
