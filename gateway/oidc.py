"""Signing in at the municipality's identity provider: OpenID Connect, authorization code with PKCE.

Sources: OpenID Connect Core 1.0 §3.1 and Discovery 1.0; RFC 7636 (PKCE); RFC 9207 (issuer in the answer); RFC 8725
(algorithms pinned here, never taken from the token). What a person may do is decided in
``gateway/usecases/identities.py``; here it is only made sure who the provider says it is.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.settings import OidcSettings
from kernel.errors import DomainError, ErrorKind, ErrorText

log = structlog.get_logger(__name__)

#: asymmetric only: neither ``none`` nor a secret that two parties hold proves who signed
ALGORITHMS = ("RS256", "PS256", "ES256")
CLOCK_SKEW_S = 60
_TIMEOUT_S = 5.0
_DISCOVERY_LIFE_S = 3_600.0
#: after the provider did not answer, nobody waits for it again for so long
_AWAY_S = 5.0
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class SignInError(DomainError):
    """Why somebody could not sign in through the provider."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "provider_away": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Kommunens login svarer ikke. Prøv igen om lidt, eller ring til vagttelefonen.",
            "The municipality's sign-in does not answer. Try again in a moment or call the duty phone.",
        ),
        "sign_in_stale": ErrorText(
            ErrorKind.CONFLICT,
            "Det tog for længe, eller linket er brugt. Log ind igen.",
            "It took too long, or the link was used. Sign in again.",
        ),
        "sign_in_declined": ErrorText(
            ErrorKind.FORBIDDEN,
            "Kommunens login sagde nej. Prøv igen, eller ring til it-support.",
            "The municipality's sign-in said no. Try again or call IT support.",
        ),
        "sign_in_untrusted": ErrorText(
            ErrorKind.FORBIDDEN,
            "Svaret fra kommunens login kan ikke bruges ({why}). Log ind igen. Sker det igen, så ring til it-support.",
            "The answer of the municipality's sign-in cannot be used ({why}). Sign in again. If it happens again, call "
            "IT support.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody leaves for the provider: where to, and what has to come back with them."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class _Metadata:
    authorization: str
    token: str
    keys: str
    end_session: str | None
    names_issuer: bool


class Provider:
    """One identity provider as its settings and its own discovery document describe it.

    Parameters
    ----------
    settings
        Issuer, client and claims.
    keys_every_s
        A token with an unknown key id makes the keys be fetched anew, at most this often.
    timeout_s
        How long an answer of the provider is waited for.
    """

    def __init__(self, settings: OidcSettings, keys_every_s: float = 10.0, timeout_s: float = _TIMEOUT_S) -> None:
        self._settings = settings
        self._keys_every_s = keys_every_s
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._metadata: _Metadata | None = None
        self._metadata_until_s = 0.0
        self._away_until_s = 0.0
        self._keys: KeySet | None = None
        self._keys_from_s = 0.0

    def leave(self, redirect_url: str) -> Departure:
        """Begin: the provider's address with state, nonce and the challenge of a fresh verifier.

        Raises
        ------
        SignInError
            ``provider_away``.
        """
        state, nonce, verifier = (secrets.token_urlsafe(n) for n in (32, 32, 48))
        address = prepare_grant_uri(
            self._discovered().authorization,
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=redirect_url,
            scope="openid",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Departure(str(address), state, nonce, verifier)

    def claims(self, code: str, issuer: str | None, nonce: str, verifier: str, redirect_url: str) -> dict[str, Any]:
        """What the provider says of whoever came back with a code.

        Parameters
        ----------
        issuer
            ``iss`` of the answer, where there was one.

        Raises
        ------
        SignInError
            ``provider_away``, ``sign_in_declined`` or ``sign_in_untrusted``.
        """
        metadata = self._discovered()
        if issuer != self._settings.issuer and (issuer is not None or metadata.names_issuer):
            raise _untrusted("issuer")
        token = self._exchange(metadata, code, verifier, redirect_url).get("id_token")
        if not isinstance(token, str):
            raise _untrusted("no id_token")
        claims = self._verified(token)
        self._require_meant(claims, nonce)
        return claims

    def sign_out_address(self, back_to: str) -> str | None:
        """Where a person signs out of the provider too, if it offers that."""
        try:
            address = self._discovered().end_session
        except SignInError:
            return None
        if address is None:
            return None
        query = httpx.QueryParams({"client_id": self._settings.client_id, "post_logout_redirect_uri": back_to})
        return f"{address}{'&' if urlsplit(address).query else '?'}{query}"

    def _exchange(self, metadata: _Metadata, code: str, verifier: str, redirect_url: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_url,
            "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }
        secret = self._settings.client_secret
        auth = (self._settings.client_id, secret.get_secret_value()) if secret is not None else None
        try:
            answer = httpx.post(metadata.token, data=form, auth=auth, timeout=self._timeout_s)
        except httpx.HTTPError as err:
            raise SignInError("provider_away") from err
        if answer.status_code >= 500:
            raise SignInError("provider_away")
        if answer.status_code != 200:
            log.warning("sign_in_code_refused", status=answer.status_code)
            raise SignInError("sign_in_declined")
        return _object(answer)

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            try:
                return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS).claims
            except InvalidKeyIdError:
                # Providers change their keys when they like; one that is new to us may be new to the world.
                return jwt.decode(token, self._key_set(anew=True), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as err:
            raise _untrusted(type(err).__name__) from err

    def _require_meant(self, claims: Mapping[str, Any], nonce: str) -> None:
        """The token is of this issuer, for us, for this sign-in, and of now (OpenID Connect Core §3.1.3.7)."""
        now_s, audience = time.time(), claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        told = claims.get("nonce")
        wrong = (
            (claims.get("iss") != self._settings.issuer, "issuer"),
            (self._settings.client_id not in audiences, "audience"),
            (len(audiences) > 1 and claims.get("azp") != self._settings.client_id, "audience"),
            ("azp" in claims and claims["azp"] != self._settings.client_id, "audience"),
            (not isinstance(told, str) or not compare_digest(told.encode(), nonce.encode()), "nonce"),
            (_seconds(claims, "exp") <= now_s - CLOCK_SKEW_S, "expired"),
            (_seconds(claims, "iat") > now_s + CLOCK_SKEW_S, "time"),
            ("nbf" in claims and _seconds(claims, "nbf") > now_s + CLOCK_SKEW_S, "time"),
            (not isinstance(claims.get("sub"), str) or not claims.get("sub"), "subject"),
        )
        for is_wrong, why in wrong:
            if is_wrong:
                raise _untrusted(why)

    def _discovered(self) -> _Metadata:
        with self._lock:
            if self._metadata is not None and time.monotonic() < self._metadata_until_s:
                return self._metadata
            if time.monotonic() < self._away_until_s:
                # Those who waited behind the one who asked: one by one they would hold every thread of the server.
                raise SignInError("provider_away")
            issuer = self._settings.issuer
            try:
                found = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", self._timeout_s)
            except SignInError:
                self._away_until_s = time.monotonic() + _AWAY_S
                raise
            if found.get("issuer") != issuer:
                log.error("provider_names_another_issuer")
                raise SignInError("provider_away")
            end_session = found.get("end_session_endpoint")
            self._metadata = _Metadata(
                _address(found, "authorization_endpoint"),
                _address(found, "token_endpoint"),
                _address(found, "jwks_uri"),
                end_session if isinstance(end_session, str) and _is_safe(end_session) else None,
                found.get("authorization_response_iss_parameter_supported") is True,
            )
            self._metadata_until_s = time.monotonic() + _DISCOVERY_LIFE_S
            return self._metadata

    def _key_set(self, *, anew: bool = False) -> KeySet:
        address = self._discovered().keys
        with self._lock:
            age_s = time.monotonic() - self._keys_from_s
            if self._keys is None or age_s > _DISCOVERY_LIFE_S or (anew and age_s > self._keys_every_s):
                found = _fetch(address, self._timeout_s).get("keys")
                usable = [k for k in found if _can_verify(k)] if isinstance(found, list) else []
                self._keys = KeySet.import_key_set({"keys": usable})
                self._keys_from_s = time.monotonic()
            return self._keys


def _can_verify(key: Any) -> bool:
    # A secret ("oct") in a public document proves nothing, and a key for encryption signs nothing.
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"


def _fetch(address: str, timeout_s: float) -> dict[str, Any]:
    if not _is_safe(address):
        log.error("provider_without_https")
        raise SignInError("provider_away")
    try:
        answer = httpx.get(address, timeout=timeout_s)
    except httpx.HTTPError as err:
        raise SignInError("provider_away") from err
    if answer.status_code != 200:
        raise SignInError("provider_away")
    return _object(answer)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as err:
        raise SignInError("provider_away") from err
    if not isinstance(body, dict):
        raise SignInError("provider_away")
    return body


def _address(found: Mapping[str, Any], name: str) -> str:
    address = found.get(name)
    if not isinstance(address, str) or not _is_safe(address):
        log.error("provider_metadata_wrong", field=name)
        raise SignInError("provider_away")
    return address


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _untrusted(name)
    return float(value)


def _untrusted(why: str) -> SignInError:
    log.warning("sign_in_untrusted", why=why)
    return SignInError("sign_in_untrusted", why=why)
