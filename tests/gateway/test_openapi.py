"""The description of the API is complete and true: every path, its words, and problems as they are sent."""

import re
from typing import Any

import pytest

from gateway.app import create_app, routes_of
from tests.gateway.platform import Platform


@pytest.fixture(scope="module")
def document(office: Platform) -> dict[str, Any]:
    """What anybody may read."""
    answer = office.stranger().get("/api/v1/openapi.json")
    assert answer.status == 200
    found: dict[str, Any] = answer.json
    return found


def test_every_route_of_the_api_is_described_and_nothing_else(office: Platform, document: dict[str, Any]) -> None:
    app = create_app(office.runtime.parts)
    served = {
        (str(route.path), method.lower())
        for route in routes_of(app)
        for method in (route.methods or set()) - {"HEAD"}
        if str(route.path).startswith("/api/") and route.path != app.openapi_url
    }
    described = {(path, m) for path, item in document["paths"].items() for m in item if path.startswith("/api/")}

    assert described == served


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)
            assert operation.get("tags"), (method, path)


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [op["operationId"] for item in document["paths"].values() for op in item.values()]

    assert len(names) == len(set(names))


def test_refusals_are_described_as_the_problem_that_is_really_sent(office: Platform, document: dict[str, Any]) -> None:
    sent = office.stranger().get("/api/v1/board").json
    for path, item in document["paths"].items():
        for method, operation in item.items():
            refusals = {s: r for s, r in operation["responses"].items() if not s.startswith(("2", "3"))}
            assert set(refusals) == {"default"}, (method, path)
            (media_type, described) = next(iter(refusals["default"]["content"].items()))
            assert media_type == "application/problem+json"
            assert set(described["schema"]["required"]) == set(sent)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/v1/board", None, 401, "not_signed_in"),
        ("GET", "/api/v1/nothing", None, 404, "no_such_page"),
        ("PUT", "/api/v1/board", None, 405, "method_not_allowed"),
        ("POST", "/api/v1/session", {"identity": "x"}, 422, "invalid_input"),
        ("POST", "/api/v1/session", b"{", 422, "invalid_input"),
        ("POST", "/api/v1/session", b"\xff\xfe", 422, "invalid_input"),
        ("POST", "/api/v1/session", {"identity": "x", "pin": "0000"}, 401, "wrong_pin"),
        ("GET", "/api/v1/me/day", None, 401, "not_signed_in"),
    ],
)
def test_every_refusal_is_a_problem_with_a_code_and_both_languages(
    office: Platform, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = office.stranger().call(method, path, body)

    assert (answer.status, answer.code) == (status, code), answer.content
    problem = answer.json
    assert problem["status"] == status
    assert problem["type"] == f"urn:omsorgstid:problem:{code}"
    assert problem["title"]
    assert problem["detail_da"] != problem["detail_en"]
    assert re.search(r"[.!?]$", problem["detail_da"])


def test_answers_carry_the_headers_that_keep_browsers_careful(office: Platform) -> None:
    for path in ("/", "/api/v1/session", "/api/v1/nothing"):
        headers = office.stranger().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_metrics_count_requests_by_route_and_never_by_id(office: Platform) -> None:
    office.signed_in("planner").get("/api/v1/visits/a-very-secret-visit")

    text = office.stranger().get("/metrics").content.decode()
    assert 'route="/api/v1/visits/{visit_id}"' in text
    assert "a-very-secret-visit" not in text
