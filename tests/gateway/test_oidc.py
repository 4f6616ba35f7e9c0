"""Signing in at the municipality's identity provider: the whole dance over HTTP, and every lie on the way."""

import http.client
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from threading import Thread
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import SecretStr
from sqlmodel import select

from gateway.auth import Role
from gateway.oidc import Provider, SignInError
from gateway.pins import hash_pin
from gateway.settings import OidcSettings
from gateway.tables import IdentityRow, SignInRow
from gateway.usecases.identities import PROVIDED
from scheduling.register.tables import ConsentRow
from scheduling.tables import VisitRow
from tests.gateway import provider as openid
from tests.gateway.platform import Platform, running_platform
from tests.gateway.provider import CLIENT, SECRET, Claims, OpenIdProvider
from tests.gateway.web import Answer, Person

LEVEL = "https://data.gov.dk/concept/core/nsis/loa"


@dataclass
class Municipality:
    """A platform in operation, and the provider its office signs in at."""

    platform: Platform
    provider: OpenIdProvider

    @property
    def units(self) -> list[str]:
        """Units with carers."""
        return sorted({str(c.unit_id) for c in self.platform.day.carers})

    def planner(self, **more: Any) -> Claims:
        """What the provider says of a planner of the first unit."""
        return {"sub": "kirsten", "name": "Kirsten Vest", "roles": ["planner", "vpn"], "units": [self.units[0]]} | more

    def come_in(self, claims: Claims, to: str = "/planlaegger") -> tuple[Person, Answer]:
        """Somebody signs in; the browser, and the page at the end."""
        self.provider.person = claims
        person = self.platform.stranger("")
        return person, person.get(_local(self.way_back(person, to)))

    def way_back(self, person: Person, to: str = "/planlaegger") -> str:
        """Where the provider sends a browser that has just left."""
        left = person.get(f"/log-ind/oidc?til={to}")
        assert left.status == 303, left.content
        return _visit(left.headers["location"])


@pytest.fixture(scope="module")
def municipality(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Municipality]:
    provider = OpenIdProvider().start()
    oidc = OidcSettings(issuer=provider.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET))
    for platform in running_platform(tmp_path_factory.mktemp("oidc"), locks=False, demo=False, oidc=oidc):
        yield Municipality(platform, provider)
    provider.stop()


@pytest.fixture(autouse=True)
def _honest(municipality: Municipality) -> Iterator[None]:
    yield
    municipality.provider.honest()


def test_a_planner_signs_in_at_the_provider_and_sees_her_unit_only(municipality: Municipality) -> None:
    person, page = municipality.come_in(municipality.planner())

    assert page.status == 200
    assert 'content="0; url=/planlaegger"' in page.content.decode()
    cookie = page.headers["set-cookie"].lower()
    assert "omsorgstid_session_planner" in person.cookies
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    found = person.get("/api/v1/session", X_Surface="planner").json
    assert (found["role"], found["name"], found["unit_ids"]) == ("planner", "Kirsten Vest", municipality.units[:1])
    board = person.get("/api/v1/board", X_Surface="planner").json
    assert [u["id"] for u in board["units"]] == municipality.units[:1]


def test_the_way_there_carries_state_nonce_and_the_challenge_of_a_verifier_that_stays_here(
    municipality: Municipality,
) -> None:
    municipality.come_in(municipality.planner())
    municipality.come_in(municipality.planner())
    first, second = municipality.provider.asked[-2:]

    assert (first["response_type"], first["client_id"], first["scope"]) == ("code", CLIENT, "openid")
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert first["redirect_uri"].endswith("/log-ind/oidc/svar")


def test_signing_in_again_brings_units_up_to_date_and_makes_nobody_new(municipality: Municipality) -> None:
    person, _ = municipality.come_in(municipality.planner(sub="omar"))
    before = _identities(municipality)

    municipality.come_in(municipality.planner(sub="omar", units=municipality.units, name="Omar Lind"))

    assert len(_identities(municipality)) == len(before)
    found = person.get("/api/v1/session", X_Surface="planner").json
    assert (found["unit_ids"], found["name"]) == (municipality.units, "Omar Lind"), "the open session follows"


def _claims(**changed: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {**claims, **changed}


LIES: dict[str, Callable[[OpenIdProvider], None]] = {
    "another nonce": lambda p: setattr(p, "change", _claims(nonce="x" * 43)),
    "no nonce": lambda p: setattr(p, "change", lambda c: {k: v for k, v in c.items() if k != "nonce"}),
    "for another client": lambda p: setattr(p, "change", _claims(aud="another")),
    "for us and another, given to the other": lambda p: setattr(
        p, "change", _claims(aud=[CLIENT, "another"], azp="another")
    ),
    "of another issuer": lambda p: setattr(p, "change", _claims(iss="https://evil.example")),
    "expired beyond the skew": lambda p: setattr(p, "change", _claims(exp=int(time.time()) - 90)),
    "without an end": lambda p: setattr(p, "change", lambda c: {k: v for k, v in c.items() if k != "exp"}),
    "issued in the future": lambda p: setattr(p, "change", _claims(iat=int(time.time()) + 300)),
    "not valid yet": lambda p: setattr(p, "change", _claims(nbf=int(time.time()) + 300)),
    "without a subject": lambda p: setattr(p, "change", _claims(sub="")),
    "signed by nobody": lambda p: setattr(p, "sign", openid.unsigned),
    "signed by a stranger": lambda p: setattr(p, "sign", openid.by_a_stranger),
    "signed with the public key as a secret": lambda p: setattr(p, "sign", openid.by_the_public_key),
    "no token at all": lambda p: setattr(p, "sign", lambda _provider, _claims: "rubbish"),
    "another issuer in the answer": lambda p: setattr(p, "answer", {"iss": "https://evil.example"}),
    "no issuer in the answer though it is promised": lambda p: setattr(p, "answer", {"iss": ""}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_is_not_meant_for_this_sign_in_is_refused_in_plain_words(
    municipality: Municipality, lie: str
) -> None:
    LIES[lie](municipality.provider)

    person, page = municipality.come_in(municipality.planner())

    assert page.status == 403
    assert 'data-code="sign_in_untrusted"' in page.content.decode()
    assert "Log ind igen." in page.content.decode()
    assert person.get("/api/v1/board", X_Surface="planner").status == 401


def test_clocks_may_differ_by_less_than_a_minute(municipality: Municipality) -> None:
    now_s = int(time.time())
    municipality.provider.change = _claims(exp=now_s - 40, iat=now_s + 40, nbf=now_s + 40)

    _, page = municipality.come_in(municipality.planner())

    assert page.status == 200


def test_another_state_an_old_link_and_another_browser_get_nowhere(municipality: Municipality) -> None:
    municipality.provider.person = municipality.planner()
    person = municipality.platform.stranger("")
    back = _local(municipality.way_back(person))
    wrong = f"{back.split('?')[0]}?{urlencode({**_query(back), 'state': 'x' * 43})}"

    refused = [person.get(wrong), person.get(back), municipality.platform.stranger("").get(back)]

    assert [r.status for r in refused] == [409] * 3, "a wrong state uses the departure up"
    assert all('data-code="sign_in_stale"' in r.content.decode() for r in refused)
    again = _local(municipality.way_back(person))
    assert person.get(again).status == 200
    assert person.get(again).status == 409, "the same answer a second time"


def test_whoever_takes_too_long_starts_again(municipality: Municipality) -> None:
    municipality.provider.person = municipality.planner()
    person = municipality.platform.stranger("")
    back = _local(municipality.way_back(person))
    with municipality.platform.runtime.units.begin() as work:
        for row in work.session.exec(select(SignInRow)).all():
            row.expires_s = time.time() - 1

    assert person.get(back).status == 409


def test_a_no_of_the_provider_is_said_plainly(municipality: Municipality) -> None:
    municipality.provider.answer = {"code": "", "error": "access_denied"}

    _, page = municipality.come_in(municipality.planner())

    assert page.status == 403
    assert "Kommunens login sagde nej." in page.content.decode()


@pytest.mark.parametrize(("keys_every_s", "is_followed"), [(0.0, True), (60.0, False)])
def test_a_provider_that_changes_its_keys_is_followed_but_not_asked_at_every_unknown_name(
    keys_every_s: float, is_followed: bool
) -> None:
    there = OpenIdProvider(person={"sub": "x"}).start()
    settings = OidcSettings(issuer=there.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET))
    provider = Provider(settings, keys_every_s)
    try:
        assert _signed_in_as(provider, there) == "x"
        there.rotate()
        if is_followed:
            assert _signed_in_as(provider, there) == "x"
        else:
            with pytest.raises(SignInError):
                _signed_in_as(provider, there)
    finally:
        there.stop()


def _signed_in_as(provider: Provider, there: OpenIdProvider) -> str:
    """Sign in without a platform; whose name came back."""
    here = "http://127.0.0.1/log-ind/oidc/svar"
    left = provider.leave(here)
    back = _query(there.authorize(_query(left.address)))
    return str(provider.claims(back["code"], back["iss"], left.nonce, left.verifier, here)["sub"])


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"roles": ["leder"]}, "role_unknown"),
    ({"roles": []}, "role_unknown"),
    ({"roles": {"planner": True}}, "role_unknown"),
    ({"roles": ["carer"]}, "role_unknown"),
    ({"roles": ["kiosk"]}, "role_unknown"),
    ({"roles": ["link"]}, "role_unknown"),
    ({"roles": ["Planner"]}, "role_unknown"),
    ({"units": []}, "no_unit_here"),
    ({"units": ["another-municipality"]}, "no_unit_here"),
    ({"units": "*"}, "no_unit_here"),
    ({LEVEL: "Low"}, "level_too_low"),
    ({LEVEL: 3}, "level_too_low"),
    ({"roles": ["citizen"]}, "citizen_not_here"),
    ({"roles": ["citizen"], "citizen": "nobody"}, "citizen_not_here"),
]


@pytest.mark.parametrize(("told", "code"), REFUSALS, ids=str)
def test_what_the_provider_does_not_say_word_for_word_gives_no_role(
    municipality: Municipality, told: dict[str, Any], code: str
) -> None:
    known = len(_identities(municipality))

    person, page = municipality.come_in(municipality.planner(sub="stranger") | told)

    assert page.status == 403
    assert f'data-code="{code}"' in page.content.decode()
    assert person.cookies.keys().isdisjoint({"omsorgstid_session_planner", "omsorgstid_session"})
    assert len(_identities(municipality)) == known


@pytest.mark.parametrize("level", ["Substantial", "High"])
def test_a_level_of_assurance_that_is_high_enough_is_accepted(municipality: Municipality, level: str) -> None:
    assert municipality.come_in(municipality.planner() | {LEVEL: level})[1].status == 200


def test_a_person_with_two_roles_has_the_one_of_the_page_and_keeps_the_other(municipality: Municipality) -> None:
    claims = municipality.planner(sub="both", roles="planner manager")
    planner, _ = municipality.come_in(claims, "/planlaegger")
    manager, _ = municipality.come_in(claims, "/leder")
    _, unclear = municipality.come_in(claims, "/")

    assert planner.get("/api/v1/session", X_Surface="planner").json["role"] == "planner"
    assert manager.get("/api/v1/session", X_Surface="manager").json["role"] == "manager"
    assert 'data-code="role_unclear"' in unclear.content.decode()


def test_a_citizen_comes_to_her_own_pages_and_a_relative_only_with_her_consent(municipality: Municipality) -> None:
    citizen_id = _citizen_with_visits(municipality.platform)
    citizen, _ = municipality.come_in({"sub": "c", "roles": ["citizen"], "citizen": citizen_id}, "/mit")
    claims = {"sub": "r", "roles": ["relative"], "citizen": citizen_id}
    _, refused = municipality.come_in(claims, "/mit")
    with municipality.platform.runtime.units.begin() as work:
        work.session.add(ConsentRow(citizen_id=citizen_id, kind="relative", given_on=municipality.platform.day.on))
    relative, let_in = municipality.come_in(claims, "/mit")

    assert citizen.get("/mit").status == 200
    assert citizen.get("/api/v1/board", X_Surface="citizen").code == "not_allowed"
    assert 'data-code="no_consent"' in refused.content.decode()
    assert let_in.status == 200
    assert "Du ser med som pårørende." in relative.get("/mit").content.decode()


def test_with_a_provider_the_office_has_no_pin_any_more_and_carers_keep_theirs(municipality: Municipality) -> None:
    unit = municipality.units[0]
    carer = next(str(c.id) for c in municipality.platform.day.carers)
    with municipality.platform.runtime.units.begin() as work:
        for role in sorted(Role):
            if role is not Role.LINK:
                work.session.add(
                    IdentityRow(
                        id=f"pin-{role.value}",
                        role=role.value,
                        name=role.value,
                        carer_id=carer if role is Role.CARER else None,
                        unit_ids=[unit],
                        pin_hash=hash_pin("1234"),
                    )
                )

    answers = {
        r: municipality.platform.stranger().sign_in(f"pin-{r.value}") for r in sorted(Role) if r is not Role.LINK
    }

    assert {r for r, a in answers.items() if a.status == 200} == {Role.CARER, Role.KIOSK}
    assert {r for r, a in answers.items() if (a.status, a.code) == (403, "use_provider")} == PROVIDED
    of_provider = next(i.id for i in _identities(municipality))
    nobody = municipality.platform.stranger().sign_in(of_provider)
    assert (nobody.status, nobody.code) == (401, "wrong_pin"), "who has no PIN is signed in by none"


def test_signing_out_here_ends_the_session_and_shows_the_way_out_there(municipality: Municipality) -> None:
    person, _ = municipality.come_in(municipality.planner())
    held = "; ".join(f"{k}={v}" for k, v in person.cookies.items())

    page = person.call("POST", "/log-ud?flade=planner", b"").content.decode()

    found = re.search(r'href="(http[^"]+/logout[^"]*)"', page)
    assert found is not None
    asked = _query(unescape(found[1]))
    assert asked["client_id"] == CLIENT
    assert asked["post_logout_redirect_uri"].endswith("/log-ind")
    thief = municipality.platform.stranger("planner")
    assert thief.get("/api/v1/board", Cookie=held).status == 401


def test_the_sign_in_page_leads_to_the_provider_and_to_no_other_site(municipality: Municipality) -> None:
    stranger = municipality.platform.stranger("")
    page = stranger.get("/log-ind?til=/leder").content.decode()
    assert 'href="/log-ind/oidc?til=/leder"' in page

    person, done = municipality.come_in(municipality.planner(), "//evil.example/planlaegger")
    assert 'content="0; url=/planlaegger"' in done.content.decode()
    assert "evil" not in done.content.decode()
    assert "omsorgstid_session_planner" in person.cookies


@pytest.mark.parametrize(
    "issuer", ["http://idp.example", "ftp://127.0.0.1", "http://127.0.0.1:1", "https://127.0.0.1:1"]
)
def test_a_provider_that_is_away_or_without_https_is_told_as_away(issuer: str) -> None:
    with pytest.raises(SignInError) as caught:
        Provider(OidcSettings(issuer=issuer, client_id=CLIENT)).leave("http://127.0.0.1/svar")

    assert caught.value.code == "provider_away"


def test_a_provider_that_says_it_is_somebody_else_is_not_used() -> None:
    provider = OpenIdProvider(announced_issuer="https://evil.example").start()
    try:
        with pytest.raises(SignInError) as caught:
            Provider(OidcSettings(issuer=provider.issuer, client_id=CLIENT)).leave("http://127.0.0.1/svar")
    finally:
        provider.stop()

    assert caught.value.code == "provider_away"


def _identities(municipality: Municipality) -> list[IdentityRow]:
    with municipality.platform.runtime.database.reading() as session:
        return [r for r in session.exec(select(IdentityRow)).all() if r.subject is not None]


def _citizen_with_visits(platform: Platform) -> str:
    with platform.runtime.database.reading() as session:
        return str(session.exec(select(VisitRow.citizen_id).where(VisitRow.day == platform.day.on)).first())


def _visit(address: str) -> str:
    """Follow a browser to the provider; where it is sent back to."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    location = answer.headers["Location"]
    answer.read()
    connection.close()
    return location


def _local(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def _query(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_a_provider_that_hangs_keeps_one_waiting_and_not_everybody_one_after_the_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = Provider(
            OidcSettings(issuer=f"http://127.0.0.1:{silent.getsockname()[1]}", client_id="x"), timeout_s=0.5
        )
        began_s, codes = monotonic(), list[str]()

        def leave() -> None:
            with pytest.raises(SignInError) as caught:
                provider.leave("http://127.0.0.1/log-ind/oidc/svar")
            codes.append(caught.value.code)

        threads = [Thread(target=leave) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert codes == ["provider_away"] * 8
    assert monotonic() - began_s < 3.0, "one after the other they would have waited four seconds"
