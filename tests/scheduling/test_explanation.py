import pytest

from kernel.ids import CarerId, VisitId
from scheduling.explanation import explain
from scheduling.model import Preferences, VisitMode
from scheduling.routes import plan_from_routes
from tests.scheduling.days import lillestad, with_citizen, with_visit

ROUTES = {"anna": [VisitId("v1"), VisitId("v2"), VisitId("v3")], "bo": [VisitId("v4")]}


def test_the_first_visit_of_a_shift_tells_the_way_and_how_many_could_do_it() -> None:
    day = lillestad()

    told = explain(day, plan_from_routes(day, ROUTES), VisitId("v1"))

    assert told.carer_id == "anna"
    assert [(r.code, dict(r.facts)) for r in told.reasons] == [
        ("able_carers", {"able_count": 2, "carer_count": 2}),
        ("first_of_shift", {"travel_min": 5.0, "starts_from": "base"}),
        ("starts_in_window", {"wait_min": 0.0}),
    ]
    assert told.others == {}


def test_a_scarce_skill_shows_who_could_not_and_why() -> None:
    day = lillestad()

    told = explain(day, plan_from_routes(day, ROUTES), VisitId("v2"))

    assert told.reasons[0].facts == {"able_count": 1, "carer_count": 2}
    assert told.others == {"missing_skill": 1, "missing_competence": 1}
    assert told.reasons[1].code == "travel_from_previous"
    assert told.reasons[1].facts["travel_min"] == 4.0


def test_a_double_visit_names_the_other_carer() -> None:
    day = lillestad()

    told = explain(day, plan_from_routes(day, ROUTES), VisitId("v3"))

    assert told.reasons[-1].code == "double_visit_together"
    assert told.reasons[-1].facts == {"other_visit_id": "v4", "other_carer_id": "bo"}


@pytest.mark.parametrize(("carer_id", "code"), [("anna", "regular_carer"), ("bo", "not_a_regular_carer")])
def test_regular_carers_are_told_apart(carer_id: str, code: str) -> None:
    wishes = Preferences(regular_carer_ids=frozenset({CarerId(carer_id)}))
    day = with_citizen(lillestad(), "agnes", preferences=wishes)

    told = explain(day, plan_from_routes(day, ROUTES), VisitId("v1"))

    assert code in [r.code for r in told.reasons]


def test_late_pinned_and_screen_visits_say_so() -> None:
    day = with_visit(lillestad(), "v1", duration_s=7200.0, pinned_carer_id=CarerId("anna"))
    day = with_visit(day, "v2", mode=VisitMode.SCREEN, door_id=None)
    plan = plan_from_routes(day, ROUTES)

    assert "pinned_to_carer" in [r.code for r in explain(day, plan, VisitId("v1")).reasons]
    codes = [r.code for r in explain(day, plan, VisitId("v2")).reasons]
    assert "no_travel_by_screen" in codes
    assert "starts_late" in codes


def test_an_unallocated_visit_tells_its_reason() -> None:
    day = lillestad()
    plan = plan_from_routes(day, {}, {VisitId("v1"): "no_room_in_shifts"})

    told = explain(day, plan, VisitId("v1"))

    assert told.carer_id is None
    assert told.reasons[0].facts == {"reason": "no_room_in_shifts"}


def test_an_unknown_visit_is_named() -> None:
    day = lillestad()

    with pytest.raises(ValueError, match="Expected a visit of the day, got v9"):
        explain(day, plan_from_routes(day, ROUTES), VisitId("v9"))
