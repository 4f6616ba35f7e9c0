"""The manager's pages of a large ledger: figures that were kept, the same as computed, with their age."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from gateway.figures_round import FiguresRound
from gateway.kept_overviews import question_of
from gateway.pages.manager_choice import choice_for
from gateway.pages.overview_figures import as_text, from_text, overview_figures
from kernel.clock import SimulatedWorldClock
from kernel.localtime import local_day
from metrics.kept.store import FORGOTTEN_AFTER, kept_figures
from metrics.kept.tables import KeptFiguresRow
from metrics.technologies import WATERFALL
from tests.gateway.benefits_town import BenefitsTown, benefits_town
from tests.gateway.held_connections import HeldConnections
from tests.gateway.platform import eventually
from tests.gateway.web import Person
from tests.metrics.all_technologies import FIRST_WEEK_ON, RESIDENCE
from tests.metrics.world import UNITS, plain_shift

EVERYTHING = "/leder"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenefitsTown]:
    """Three weeks of every technology, in a ledger that counts as large from its first entry on."""
    with benefits_town(tmp_path_factory.mktemp("kept")) as started:
        yield started


def look(town: BenefitsTown, path: str = EVERYTHING, identity: str = "manager", *, large: bool = True) -> str:
    town.runtime.parts.live_up_to_entries = 0 if large else 1_000_000
    with closing(town.person(identity)) as person:
        answer = person.get(path)
    assert answer.status == 200, answer.content
    return answer.content.decode()


def kept(town: BenefitsTown) -> list[KeptFiguresRow]:
    """First pages: those of the technologies go with them."""
    with town.runtime.database.reading() as session:
        return list(session.exec(select(KeptFiguresRow).where(KeptFiguresRow.page == "")).all())


def pass_by(town: BenefitsTown, minutes: float) -> datetime:
    clock = town.runtime.clock
    assert isinstance(clock, SimulatedWorldClock)
    clock.advance_to(clock.now() + timedelta(minutes=minutes))
    return clock.now()


def correct(town: BenefitsTown, carer: str) -> None:
    """Another shift of the first week comes in."""
    town.world.live(plain_shift(carer, FIRST_WEEK_ON, head_min=11))
    town.world.fold()


def without_age(page: str) -> str:
    begin, end = page.lower().index("beregnet kl."), page.index("siden)")
    return page[:begin] + page[end:]


def test_kept_figures_are_those_computed_to_the_last_byte(town: BenefitsTown) -> None:
    """For every period, reading and centre: the page asked for first, the page kept, and one without keeping."""
    for path in ("/leder", "/leder?periode=fourweeks&maaltal=implied", "/leder?enhed=nord", "/leder?periode=today"):
        computed = look(town, path, large=False)
        count = len(kept(town))
        first = look(town, path)
        assert len(kept(town)) == count + 1, path
        assert look(town, path) == first == computed, path
        assert len(kept(town)) == count + 1, path
    now, benefits = town.runtime.clock.now(), town.runtime.parts.benefits
    assert benefits is not None
    choice = choice_for(benefits, [*UNITS, RESIDENCE], now)
    with town.runtime.database.reading() as session:
        figures = overview_figures(session, choice, now)
        assert kept_figures(session, question_of(choice), now) == as_text(figures)
    assert from_text(as_text(figures)) == figures


def test_a_technologys_page_is_kept_with_the_first_one_and_is_the_same_to_the_last_byte(town: BenefitsTown) -> None:
    for query in ("", "?periode=fourweeks&enhed=nord", "?fra=2026-10-07&til=2026-10-15"):
        seen = [t for t in (*WATERFALL, "tablets") if "nord" not in query or t != "transfers"]
        computed = {t: look(town, f"/leder/{t}{query}", large=False) for t in seen}
        count = len(kept(town))
        for technology in seen:
            assert look(town, f"/leder/{technology}{query}") == computed[technology], technology
            assert "(for 0 min. siden)" in computed[technology]
        assert look(town, f"/leder{query}") == look(town, f"/leder{query}", large=False)
        assert len(kept(town)) <= count + 1, "one answer has all the pages"


def test_the_pages_of_one_answer_are_of_one_instant(town: BenefitsTown) -> None:
    path = "/leder/keys?periode=month&maaltal=implied"
    before = look(town, path)
    correct(town, "carer-between")
    pass_by(town, 10)
    assert without_age(look(town, path)) == without_age(before)
    assert "(for 10 min. siden)" in look(town, "/leder?periode=month&maaltal=implied")
    pass_by(town, 6)
    assert without_age(look(town, path)) != without_age(before)


def test_somebody_who_sees_less_is_never_shown_what_was_kept_for_somebody_else(town: BenefitsTown) -> None:
    whole = look(town)
    own = look(town, identity="leader-nord")
    assert own == look(town, identity="leader-nord", large=False)
    assert own != whole


def test_what_was_kept_is_shown_for_a_quarter_of_an_hour_with_its_age_and_then_computed_anew(
    town: BenefitsTown,
) -> None:
    before = look(town)
    assert "(for 0 min. siden)" in before
    correct(town, "carer-late")
    pass_by(town, 14)
    old = look(town)
    assert "(for 14 min. siden)" in old
    assert without_age(old) == without_age(before)
    pass_by(town, 2)
    new = look(town)
    assert "(for 0 min. siden)" in new
    assert without_age(new) != without_age(before)
    assert new == look(town, large=False)


def test_a_small_ledger_is_read_anew_for_every_page(town: BenefitsTown) -> None:
    before = look(town, large=False)
    correct(town, "carer-later")
    after = look(town, large=False)
    assert after != before
    assert "(for 0 min. siden)" in after


def test_the_round_computes_what_managers_see_first_and_what_was_asked_for_before_it_is_too_old(
    town: BenefitsTown,
) -> None:
    look(town, "/leder?periode=month")
    pass_by(town, 11)
    correct(town, "carer-latest")
    now = pass_by(town, 1)
    figures = FiguresRound(town.runtime.parts)
    assert figures.look() >= 4  # manager and auditor see the same, two leaders less of it, and the month
    assert figures.look() == 0
    assert all(row.computed_at == now for row in kept(town) if row.question["period"] in ("golive", "month"))
    pass_by(town, 3)
    page = look(town, "/leder?periode=month")
    assert "(for 3 min. siden)" in page
    town.runtime.parts.live_up_to_entries = 1_000_000
    assert figures.look() == 0


def test_what_was_computed_yesterday_is_not_todays_answer_and_what_nobody_asks_for_is_forgotten(
    town: BenefitsTown,
) -> None:
    look(town, "/leder?fra=2026-10-06&til=2026-10-08")
    named = [row for row in kept(town) if row.question["from_on"] == "2026-10-06"]
    assert len(named) == 1
    clock = town.runtime.clock
    midnight_min = (24 - clock.now().hour) * 60
    day = local_day(clock.now())
    pass_by(town, midnight_min)
    assert local_day(clock.now()) > day
    assert "(for 0 min. siden)" in look(town)
    pass_by(town, FORGOTTEN_AFTER.total_seconds() / 60)
    FiguresRound(town.runtime.parts).look()
    assert not [row for row in kept(town) if row.question["from_on"] == "2026-10-06"]
    assert [row for row in kept(town) if row.question["period"] == "golive"]


@pytest.mark.parametrize(
    "path", ["/leder/oekonomi", "/leder/rapport", "/leder/rapport.csv", "/leder/evaluering", "/leder/udtraek.csv"]
)
def test_what_stands_behind_the_first_page_is_kept_too_and_the_same_to_the_last_byte(
    town: BenefitsTown, path: str
) -> None:
    computed = look(town, path, large=False)
    assert look(town, path) == look(town, path) == computed
    pass_by(town, 3)
    correct(town, f"carer-behind-{path[-5:]}")
    old = look(town, path)
    if "." not in path:
        assert "(for 3 min. siden)" in old
        old, computed = without_age(old), without_age(computed)
    assert old == computed
    pass_by(town, 13)
    assert look(town, path) == look(town, path, large=False)


def test_the_round_keeps_them_for_whoever_has_asked_for_nothing_yet(town: BenefitsTown) -> None:
    pass_by(town, 11)
    town.runtime.parts.live_up_to_entries = 0
    FiguresRound(town.runtime.parts).look()
    count = len(kept(town))
    for identity in ("manager", "leader-nord"):
        for path in ("/leder", "/leder/oekonomi", "/leder/rapport", "/leder/evaluering"):
            assert "(for 0 min. siden)" in look(town, path, identity)
    assert len(kept(town)) == count


def test_a_comment_and_answers_are_those_of_this_moment_beside_kept_figures(town: BenefitsTown) -> None:
    before = look(town, "/leder/rapport")
    said = "Vi har talt om det på mødet i tirsdags."
    month = re.findall(r'name="maaned" value="(\d{4}-\d\d)"', before)[0]
    body = urlencode({"maaned": month, "teknologi": "keys", "tekst": said}).encode()
    with closing(town.person()) as person:
        assert person.call("POST", "/leder/rapport", body, **FORM).status == 303
    assert said not in before
    after = look(town, "/leder/rapport")
    assert said in after
    assert after.count(said) == 1


def test_no_page_holds_one_connection_while_it_takes_another(town: BenefitsTown) -> None:
    held = HeldConnections(town.runtime.database.engine)
    paths = ("/leder", "/leder/keys", "/leder/oekonomi", "/leder/rapport", "/leder/evaluering")
    for path in paths:
        look(town, path)
    pass_by(town, 61)
    FiguresRound(town.runtime.parts).look()
    for path in paths:
        # Kept, and wanted again for the first time in an hour: that is noted.
        assert "(for 0 min. siden)" in look(town, path)
    assert not held.taken_twice


def test_a_process_is_ready_once_the_first_figures_are_there(town: BenefitsTown) -> None:
    parts = town.runtime.parts
    parts.live_up_to_entries = 0
    now = pass_by(town, 11)
    figures = FiguresRound(parts, goes_on=False)
    assert figures.check() == "", "not started: nobody waits for it"
    before, parts.checks = parts.checks, {"figures": figures.check}
    try:
        with closing(Person(town.server.port)) as anybody:
            # Whoever writes keeps the round from keeping anything.
            with town.runtime.database.writing():
                figures.start()
                answer = anybody.get("/readyz")
                assert answer.status == 503
                assert answer.json["parts"] == {"figures": "the first figures are being computed"}
            assert eventually(lambda: anybody.get("/readyz").status == 200)
    finally:
        parts.checks = before
        figures.stop()
    assert any(row.computed_at == now for row in kept(town))
