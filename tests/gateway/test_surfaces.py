"""Two people at one browser, each on a surface of their own (docs/adr/0004)."""

from collections.abc import Iterator

import pytest

from tests.gateway.platform import Platform
from tests.gateway.web import Person


@pytest.fixture
def browser(office: Platform) -> Iterator[Person]:
    """A browser in which the planner works on the board and a carer on the tablet, in two tabs."""
    person = Person(office.port, surface="")
    for identity, surface in (("planner", "planner"), (str(office.day.carers[0].id), "tablet")):
        body = {"identity": identity, "pin": "1234"}
        assert person.call("POST", "/api/v1/session", body, X_Surface=surface).status == 200
    yield person
    person.close()


def role(browser: Person, **headers: str) -> str | None:
    found = browser.get("/api/v1/session", **headers).json
    return None if found is None else str(found["role"])


def test_two_people_signed_in_at_one_browser_keep_apart(browser: Person) -> None:
    assert set(browser.cookies) == {"omsorgstid_session_planner", "omsorgstid_session_tablet"}
    assert role(browser, X_Surface="planner") == "planner"
    assert role(browser, X_Surface="tablet") == "carer"


def test_a_surface_without_a_session_of_its_own_is_nobody(browser: Person) -> None:
    assert role(browser, X_Surface="manager") is None
    assert role(browser) is None
    assert role(browser, X_Surface="everything") is None


def test_naming_another_surface_gains_nothing(browser: Person) -> None:
    assert browser.get("/api/v1/board", X_Surface="planner").status == 200
    refused = browser.get("/api/v1/board", X_Surface="tablet")
    assert (refused.status, refused.code) == (403, "not_allowed")
    nobody = browser.get("/api/v1/board", X_Surface="operations")
    assert (nobody.status, nobody.code) == (401, "not_signed_in")


def test_where_no_header_can_be_sent_the_query_names_the_surface(browser: Person) -> None:
    found = browser.get("/api/v1/session?surface=tablet").json

    assert found["role"] == "carer"


def test_a_page_is_read_with_the_session_of_its_path(browser: Person) -> None:
    assert browser.get("/planlaegger").status == 200
    manager = browser.get("/leder")
    assert (manager.status, manager.headers["location"]) == (303, "/log-ind?til=/leder")


def test_signing_out_of_one_surface_leaves_the_other(browser: Person) -> None:
    assert browser.call("DELETE", "/api/v1/session", X_Surface="planner").status == 204

    assert role(browser, X_Surface="planner") is None
    assert role(browser, X_Surface="tablet") == "carer"
