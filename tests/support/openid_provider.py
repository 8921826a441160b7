"""An OpenID provider for tests, in a process of its own with real keys: honest, or as dishonest as it is told to be.

Strict where a real one is: clients with secrets, registered addresses, PKCE, a code good once, for one client. Its
signatures are joserfc's; it shares no code with the client under test.
"""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

CLIENT, SECRET = "passline-pages", "the secret of passline's pages"
OTHER, OTHER_SECRET = "another-client", "the secret of another client"


class Provider:
    """The provider as a test sees it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def be(self, **behaviour: Any) -> None:
        """Behave like this from now on; what is not said is honest."""
        httpx.post(f"{self.address}/behave", json=behaviour, trust_env=False).raise_for_status()

    def told(self) -> int:
        """How often somebody came to exchange a code."""
        return int(httpx.get(f"{self.address}/told", trust_env=False).text)

    def code_for(self, client: str, redirect_uri: str, challenge: str) -> str:
        """A code as the provider gives it to the browser of a client."""
        asked = {
            "client_id": client, "redirect_uri": redirect_uri, "response_type": "code", "state": "s", "nonce": "n",
            "scope": "openid", "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        answer = httpx.get(f"{self.address}/authorize", params=asked, trust_env=False)
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


@contextmanager
def provider(redirect_uri: str, host: str = "127.0.0.1") -> Iterator[Provider]:
    """Run one that knows two clients; it ends with the block."""
    arguments = [sys.executable, __file__, redirect_uri, host]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Provider(process.stdout.readline().strip())
        finally:
            process.kill()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _serve(redirect_uri: str, host: str) -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey
    from joserfc.jws import JWSRegistry

    def key() -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})

    clients = {CLIENT: SECRET, OTHER: OTHER_SECRET}
    state: dict[str, Any] = {"key": key(), "behaviour": {}, "codes": {}, "told": 0}

    def signed(asked: dict[str, str], client: str) -> str:
        how, now_s = state["behaviour"], int(time.time())
        claims: dict[str, Any] = {
            "iss": address, "aud": client, "sub": "7f3a", "iat": now_s, "exp": now_s + 120, "auth_time": now_s,
            "nonce": asked["nonce"], "staff": "p-0011", "name": "ZHANG SAN", "acr": "silver", "amr": ["pwd"],
        }  # fmt: skip
        claims |= how.get("claims", {})
        claims = {name: value for name, value in claims.items() if name not in how.get("without", ())}
        own, alg = state["key"], how.get("alg", "RS256")
        header = {"alg": alg, "kid": own.kid}
        if alg != "RS256":
            # By hand: a library refuses to do it.
            secret = {"our secret": SECRET.encode(), "our public key": own.as_pem(private=False)}.get(how.get("by", ""))
            told = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
            return f"{told}.{_encoded(hmac.digest(secret, told.encode(), 'sha256')) if secret else ''}"
        if how.get("by") == "a stranger with our kid":
            own = RSAKey.generate_key(2048, {"kid": own.kid})
        elif how.get("by") == "a stranger":
            own = key()
            header["kid"] = own.kid
        return str(jwt.encode(header, claims, own, registry=JWSRegistry(algorithms=[alg])))

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, content: object, **headers: str) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            path, how = urlsplit(self.path).path, state["behaviour"]
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            if path == "/told":
                return self.answer(200, state["told"])
            if how.get("down"):
                return self.answer(502, {"error": "down"})
            if path == "/.well-known/openid-configuration":
                published = {
                    "issuer": address, "authorization_endpoint": f"{address}/authorize",
                    "token_endpoint": f"{address}/token", "jwks_uri": f"{address}/keys",
                    "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"], "verify": False,
                }  # fmt: skip
                return self.answer(200, published | how.get("published", {}))
            if path == "/keys":
                return self.answer(200, {"keys": [state["key"].as_dict(private=False)]})
            if path == "/authorize":
                return self.page(asked) if how.get("asks") else self.authorize(asked)
            return self.answer(404, {})

        def page(self, asked: dict[str, str]) -> None:
            form = "<title>The centre</title><form method=post><button>It is I</button></form>"
            self.answer(200, form.encode(), **{"Content-Type": "text/html"})

        def authorize(self, asked: dict[str, str]) -> None:
            good = (
                asked.get("client_id") in clients and asked.get("redirect_uri") == redirect_uri
                and asked.get("response_type") == "code" and asked.get("code_challenge_method") == "S256"
                and "openid" in asked.get("scope", "").split() and asked.get("state") and asked.get("nonce")
            )  # fmt: skip
            if not good:
                return self.answer(400, {"error": "invalid_request"})
            if error := state["behaviour"].get("error"):
                back = {"error": error, "state": asked["state"]}
            else:
                code = secrets.token_urlsafe(16)
                state["codes"][code] = asked
                back = {"code": code, "state": asked["state"], "iss": address}
            back |= state["behaviour"].get("back", {})
            return self.answer(302, b"", Location=f"{redirect_uri}?{urlencode(back)}")

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if url.path == "/behave":
                state["behaviour"] = json.loads(body)
                if state["behaviour"].pop("rotate", False):
                    state["key"] = key()
                return self.answer(200, {})
            if url.path == "/authorize":
                return self.authorize({name: values[0] for name, values in parse_qs(url.query).items()})
            state["told"] += 1
            said = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            kind, _, told = self.headers.get("Authorization", "").partition(" ")
            client, _, secret = base64.b64decode(told).decode().partition(":") if kind == "Basic" else ("", "", "")
            asked = state["codes"].pop(said.get("code", ""), None)  # good once, whoever comes with it
            digest = hashlib.sha256(said.get("code_verifier", "").encode()).digest()
            good = (
                clients.get(client) == secret and asked is not None and asked["client_id"] == client
                and asked["redirect_uri"] == said.get("redirect_uri") and said.get("grant_type") == "authorization_code"
                and asked["code_challenge"] == _encoded(digest)
            )  # fmt: skip
            if not good or asked is None:
                return self.answer(400, {"error": "invalid_grant", "error_description": "ZHANG SAN"})
            answered = {
                "access_token": "a",
                "token_type": "Bearer",
                "expires_in": 60,
                "id_token": signed(asked, client),
            }
            return self.answer(200, state["behaviour"].get("answered", answered))

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://{host}:{server.server_address[1]}"
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
