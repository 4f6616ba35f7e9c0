"""From a figure back to what it rests on: pseudonymous, with a purpose, and remembered."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import delete
from sqlmodel import col

from kernel.log import read_after
from kernel.seals import erase_events, seal_next
from kernel.tables import EventRow
from metrics.errors import BenefitError
from metrics.walk import EntryWalk, FigureWalk, MissingEvent, walk_entry, walk_figure
from tests.metrics.care import MONDAY
from tests.metrics.town import TO_ON, adoptions, live_a_week
from tests.metrics.world import GO_LIVE_ON, Shift, World, plain_shift

PURPOSE = "kontrol af oktober"


@pytest.fixture
def lived(world: World) -> World:
    world.measure()
    world.live(*(plain_shift(f"nord-{n}", GO_LIVE_ON, head_min=3 + n) for n in range(6)))
    world.live(Shift("nord-9", GO_LIVE_ON, plain_shift("x", GO_LIVE_ON).stops, delivered_min=None))
    world.fold()
    return world


def figure(world: World, purpose: str = PURPOSE, role: str = "auditor", limit: int = 100) -> FigureWalk:
    with world.units.begin() as work:
        return walk_figure(
            work,
            technology="keys",
            unit_id="nord",
            from_on=GO_LIVE_ON,
            to_on=date(2026, 10, 31),
            purpose=purpose,
            role=role,
            limit=limit,
        )


def entry(world: World, entry_id: int) -> EntryWalk:
    with world.units.begin() as work:
        return walk_entry(work, entry_id, purpose=PURPOSE, role="auditor", pseudonyms=world.pseudonyms)


def test_the_entries_behind_a_figure_sum_to_it(lived: World) -> None:
    walked = figure(lived)
    assert walked.net_s == lived.report(GO_LIVE_ON, date(2026, 10, 31))[0].realised_s
    assert walked.net_s == sum(e.net_s or 0 for e in walked.entries)
    assert walked.entry_count == 7


def test_entries_come_in_the_order_they_were_written_a_page_at_a_time(lived: World) -> None:
    page = figure(lived, limit=3)
    assert page.entry_count == 7
    ids = [e.id or 0 for e in page.entries]
    assert ids == sorted(ids)
    assert len(ids) == 3


def test_an_entry_leads_to_its_shift_its_stops_and_its_doors(lived: World) -> None:
    first = figure(lived).entries[0]
    walked = entry(lived, first.id or 0)
    assert [e.position for e in walked.events] == first.evidence
    kinds = {e.event_type for e in walked.events}
    assert {"shift.started", "route.delivered", "visit.begun", "door.opened", "shift.ended"} <= kinds
    assert walked.baseline is not None
    assert walked.baseline.mean_s == first.baseline_s
    assert walked.missing == ()


def test_no_person_is_named_on_the_way(lived: World) -> None:
    first = figure(lived).entries[0]
    for event in entry(lived, first.id or 0).events:
        assert not {"carer_id", "citizen_id", "holder_thumbprint"} & set(event.facts)
    started = entry(lived, first.id or 0).events[0]
    assert started.facts["subject"] == first.subject


def test_a_citizens_week_leads_to_its_visits_and_calls_and_names_nobody(world: World) -> None:
    live_a_week(world)
    world.fold()
    (total,) = (
        row
        for row in world.report(MONDAY, TO_ON, adopted=adoptions(("nord",))["copenhagen-sof-screen"])
        if row.unit_id is None
    )
    assert total.covered_from_on is not None
    assert total.covered_to_on is not None
    with world.units.begin() as work:
        behind = walk_figure(
            work,
            technology="screen",
            unit_id="nord",
            from_on=total.covered_from_on,
            to_on=total.covered_to_on,
            purpose=PURPOSE,
            role="auditor",
        )
    assert behind.net_s == total.realised_s
    walked = entry(world, behind.entries[-1].id or 0)
    assert {e.event_type for e in walked.events} == {"visit.begun", "visit.ended", "screen.ended"}
    said = " ".join(str(e.facts) for e in walked.events)
    assert "'citizen_id'" not in said
    assert "'carer_id'" not in said


def test_deleted_evidence_is_named_with_its_receipt_or_as_missing_without_one(lived: World) -> None:
    first = figure(lived).entries[0]
    covered, uncovered = first.evidence[0], first.evidence[-1]
    while seal_next(lived.units):
        pass
    with lived.units.begin() as work:
        number = erase_events(work, [covered], "event_days = 1826", datetime(2021, 10, 1, tzinfo=UTC))
        work.session.execute(delete(EventRow).where(col(EventRow.position) == uncovered))
        deleted_at = work.now
    missing = {m.position: m for m in entry(lived, first.id or 0).missing}
    assert missing == {
        covered: MissingEvent(covered, "event_days = 1826", deleted_at, number),
        uncovered: MissingEvent(uncovered, None, None),
    }


def test_every_walk_is_remembered_with_purpose_and_role_and_no_name(lived: World) -> None:
    first = figure(lived, purpose=f"  {PURPOSE}  ").entries[0]
    entry(lived, first.id or 0)
    lived.sequencer.run_until_empty()
    with lived.database.reading() as session:
        walks = read_after(session, 0, 100, ["benefit.walked"])
    assert [w.data["purpose"] for w in walks] == [PURPOSE, PURPOSE]
    assert [w.data["entry_id"] for w in walks] == [None, first.id]
    assert {w.data["role"] for w in walks} == {"auditor"}
    assert all(w.carer_id is None for w in walks)


@pytest.mark.parametrize(
    ("purpose", "role", "code"),
    [
        ("", "auditor", "walk_purpose_missing"),
        ("   kort    ", "benefit_owner", "walk_purpose_missing"),
        (PURPOSE, "planner", "walk_not_permitted"),
        (PURPOSE, "carer", "walk_not_permitted"),
    ],
)
def test_without_a_purpose_or_the_role_nothing_is_shown_or_remembered(
    lived: World, purpose: str, role: str, code: str
) -> None:
    with pytest.raises(BenefitError) as caught:
        figure(lived, purpose, role)
    assert caught.value.code == code
    lived.sequencer.run_until_empty()
    with lived.database.reading() as session:
        assert read_after(session, 0, 100, ["benefit.walked"]) == []


def test_an_entry_that_does_not_exist_is_said_so(lived: World) -> None:
    with pytest.raises(BenefitError) as caught:
        entry(lived, 4711)
    assert caught.value.code == "benefit_entry_not_found"
    assert "4711" in caught.value.text("da")
