"""Signing in and out: PINs, lockout, cookies, demo identities, languages."""

import hashlib
import time
from collections.abc import Iterator

import pytest
from sqlmodel import select

from gateway.pins import hash_pin, pin_matches
from gateway.tables import IdentityRow, SessionRow
from tests.gateway.platform import Platform, running_platform


@pytest.fixture(scope="module")
def in_operation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The same platform with the demo switched off."""
    yield from running_platform(tmp_path_factory.mktemp("operation"), locks=False, demo=False)


def test_signing_in_gives_a_session_that_signing_out_ends(office: Platform) -> None:
    person = office.stranger()
    assert person.get("/api/v1/session").json is None

    answer = person.sign_in("planner")
    assert answer.status == 200
    assert answer.json["role"] == "planner"
    assert answer.json["unit_ids"] == sorted(u.id for u in office.day.units)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert person.get("/api/v1/session").json["name"] == answer.json["name"]
    held = person.cookies

    assert person.call("DELETE", "/api/v1/session").status == 204
    assert person.cookies == {}
    assert person.get("/api/v1/board").status == 401
    thief = office.stranger()
    stolen = "; ".join(f"{k}={v}" for k, v in held.items())
    assert thief.get("/api/v1/board", Cookie=stolen).status == 401, "the old token is worthless, not only forgotten"


def test_a_token_is_kept_as_a_hash_only(office: Platform) -> None:
    person = office.signed_in("manager")
    (token,) = person.cookies.values()
    with office.runtime.database.reading() as session:
        hashes = session.exec(select(SessionRow.token_hash)).all()

    assert token not in hashes
    assert all(len(h) == 64 for h in hashes)


def test_a_wrong_pin_and_an_unknown_person_get_the_same_answer(office: Platform) -> None:
    wrong = office.stranger().sign_in("auditor", "9999")
    unknown = office.stranger().sign_in("nobody-at-all", "9999")

    assert (wrong.status, wrong.json) == (unknown.status, unknown.json)
    assert (wrong.status, wrong.code) == (401, "wrong_pin")


def test_five_wrong_pins_lock_the_identity_and_the_right_one_does_not_help(office: Platform) -> None:
    answers = [office.stranger().sign_in("technician", "0000") for _ in range(5)]
    assert {(a.status, a.code) for a in answers} == {(401, "wrong_pin")}

    locked = office.stranger().sign_in("technician")
    assert (locked.status, locked.code) == (403, "locked_out")
    assert "Prøv igen om" in locked.json["detail_da"]
    assert office.stranger().sign_in("operations").status == 200, "others are not locked out with it"
    with office.runtime.units.begin() as work:
        row = work.session.get(IdentityRow, "technician")
        assert row is not None
        assert 0 < row.locked_until_s - time.time() <= 300
        row.locked_until_s = time.time() - 1
    assert office.stranger().sign_in("technician").status == 200


def test_a_right_pin_forgets_the_wrong_ones_before_it(office: Platform) -> None:
    for _ in range(3):
        for _ in range(4):
            assert office.stranger().sign_in("planner-2", "0000").status == 401
        assert office.stranger().sign_in("planner-2").status == 200


@pytest.mark.parametrize("pin", ["", "12", "123456789", "abcd", "12 4", "12'--", "\u0661\u0662\u0663\u0664"])
def test_what_is_no_pin_is_refused_without_counting(office: Platform, pin: str) -> None:
    answer = office.stranger().sign_in("manager", pin)

    assert (answer.status, answer.code) == (422, "invalid_input")
    with office.runtime.database.reading() as session:
        row = session.get(IdentityRow, "manager")
    assert row is not None
    assert row.failed_count == 0


def test_a_pin_is_never_sent_back(office: Platform) -> None:
    answer = office.stranger().sign_in("manager", "48151623420")

    assert answer.status == 422
    assert b"48151623420" not in answer.content


def test_a_session_that_has_run_out_is_none(office: Platform) -> None:
    person = office.signed_in("auditor")
    with office.runtime.units.begin() as work:
        for row in work.session.exec(select(SessionRow).where(SessionRow.identity_id == "auditor")):
            row.expires_s = time.time() - 1

    assert person.get("/api/v1/session").json is None


def test_demo_identities_are_refused_outside_the_demo(in_operation: Platform) -> None:
    person = in_operation.stranger()

    refused = person.sign_in("planner")
    assert (refused.status, refused.code) == (403, "demo_refused")
    listed = person.get("/api/v1/demo/identities")
    assert (listed.status, listed.code) == (404, "demo_only")
    assert person.get("/api/v1/board").status == 401


def test_a_demo_session_does_not_outlive_the_demo(in_operation: Platform) -> None:
    """The same database, started again without the demo: yesterday's cookie opens nothing."""
    with in_operation.runtime.units.begin() as work:
        held = hashlib.sha256(b"yesterday").hexdigest()
        work.session.add(
            SessionRow(token_hash=held, identity_id="planner", created_at=work.now, expires_s=time.time() + 3600)
        )
    person = in_operation.stranger()

    for cookie in ("omsorgstid_session", "omsorgstid_session_planner"):
        assert person.get("/api/v1/board", Cookie=f"{cookie}=yesterday").status == 401


def test_demo_identities_are_listed_with_what_the_start_page_needs(office: Platform) -> None:
    listed = office.stranger().get("/api/v1/demo/identities").json

    assert {i["role"] for i in listed} == {"carer", "planner", "manager", "auditor", "operations", "technician"}
    assert all(i["pin"] == "1234" and i["name"] for i in listed)


def test_pins_are_salted_and_only_the_right_one_matches() -> None:
    first, second = hash_pin("1234"), hash_pin("1234")

    assert first != second
    assert pin_matches("1234", first)
    assert pin_matches("1234", second)
    assert not pin_matches("1235", first)
