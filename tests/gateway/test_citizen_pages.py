"""A citizen's own data: who comes, who came in, who looked, and what ends when a consent is withdrawn."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from devices.keys.model import Bolt
from devices.keys.tables import GrantRow, RightRow
from gateway.pins import hash_pin
from gateway.sessions import KIOSK_GLANCE_S, KIOSK_SESSION_S
from gateway.tables import CitizenAccessRow, IdentityRow, SessionRow
from gateway.views.citizen import expected_span
from kernel.log import read_after
from scheduling.register.tables import CarerRow, CitizenRow, ConsentRow
from scheduling.tables import TaskRow, VisitRow
from tests.gateway.near_link import fleet_of, held_grant, open_beside
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person

EIGHT = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


@dataclass
class Home:
    """A citizen whose first visit of the day begins soon, and those who may look."""

    platform: Platform
    citizen_id: str
    carer_id: str
    visit_id: str

    def person(self, role: str, surface: str = "citizen") -> Person:
        """Somebody of this home, signed in."""
        person = self.platform.stranger(surface)
        answer = person.sign_in(f"{role}-{self.citizen_id}")
        assert answer.status == 200, answer.content
        return person

    def ask(self, role: str, what: str) -> Any:
        """What somebody of this home is told."""
        answer = self.person(role).get(f"/api/v1/citizen/{what}")
        assert answer.status == 200, answer.content
        return answer.json


@pytest.fixture
def home(platform: Platform) -> Home:
    return home_of(platform)


def home_of(platform: Platform, kinds: tuple[str, ...] = ("relative",)) -> Home:
    """Give the citizen of the next untouched carer's first stop their own identities."""
    carer_id = platform.fresh_carer()
    visit_id = platform.first_stops[carer_id]
    citizen_id = next(str(v.citizen_id) for v in platform.day.visits if v.id == visit_id)
    pin_hash = hash_pin("1234")
    with platform.runtime.units.begin() as work:
        citizen = work.session.get_one(CitizenRow, citizen_id)
        for role in ("citizen", "relative", "kiosk"):
            work.session.add(
                IdentityRow(
                    id=f"{role}-{citizen_id}",
                    role=role,
                    name=role,
                    citizen_id=citizen_id,
                    unit_ids=[citizen.unit_id],
                    pin_hash=pin_hash,
                )
            )
        for kind in kinds:
            work.session.add(ConsentRow(citizen_id=citizen_id, kind=kind, given_on=platform.day.on))
    return Home(platform, citizen_id, carer_id, visit_id)


def test_a_citizen_sees_when_who_by_first_name_and_how_they_get_in(home: Home) -> None:
    visits = home.ask("citizen", "visits")["visits"]
    with home.platform.runtime.database.reading() as session:
        rows = session.exec(select(VisitRow).where(VisitRow.citizen_id == home.citizen_id)).all()
        names = {session.get_one(CarerRow, r.carer_id).name for r in rows if r.carer_id}

    assert len(visits) == len(rows)
    assert {v["first_name"] for v in visits} <= {n.split()[0] for n in names} | {None}
    assert all(v["enters"] == "electronic_key" for v in visits)
    for visit in visits:
        span = datetime.fromisoformat(visit["to_at"]) - datetime.fromisoformat(visit["from_at"])
        assert timedelta(minutes=30) <= span <= timedelta(hours=2)
    page = home.person("citizen").get("/mit").content.decode()
    assert "Låser sig ind med elektronisk nøgle" in page
    assert all(n.split(maxsplit=1)[1] not in page.replace(_citizen_name(home), "") for n in names), "no surname"


def test_the_door_log_tells_time_role_and_reason_and_no_name(home: Home) -> None:
    tablet = home.platform.tablet(home.carer_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    opening = tablet.open_door(stop["door"]["id"], stop["visit_id"])
    assert home.platform.settled(tablet, opening["id"])["state"] == "unlocked"

    (entry,) = home.ask("citizen", "openings")["openings"]

    assert set(entry) == {"at", "role", "service_name", "sureness", "offline"}
    assert (entry["role"] in ("carer", "nurse"), entry["sureness"], entry["offline"]) == (True, "opened", False)
    assert entry["service_name"] == stop["service_name"]
    answer = home.person("citizen").get("/mit/doer.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Dato", "Klokken", "Hvem", "Formål", "Døren", "Forbindelse"]
    assert (rows[1][0], rows[1][3], rows[1][4]) == ("25-11-2026", stop["service_name"], "Åbnet")


def test_a_door_opened_without_a_network_stands_in_the_list_once_the_lock_has_told(home: Home) -> None:
    tablet = home.platform.tablet(home.carer_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    lock_id = stop["door"]["lock_id"]
    fleet = fleet_of(home.platform, lock_id)
    cti, token = held_grant(tablet, stop["visit_id"])
    assert open_beside(fleet, lock_id, tablet.key, token, cti) is Bolt.UNLOCKED

    entries = eventually(lambda: home.ask("citizen", "openings")["openings"])

    assert [(e["offline"], e["sureness"], e["service_name"]) for e in entries] == [
        (True, "opened", stop["service_name"])
    ]


def test_every_look_of_a_relative_or_the_office_is_shown_to_the_citizen_and_hers_is_none(home: Home) -> None:
    home.ask("citizen", "visits")
    home.ask("kiosk", "visits")
    assert home.ask("citizen", "access-log")["access"] == []
    relative = home.person("relative")
    for _ in range(2):
        assert relative.get("/api/v1/citizen/visits").status == 200
    assert relative.get("/mit/doer").status == 200
    assert home.platform.signed_in("planner").get(f"/api/v1/visits/{home.visit_id}").status == 200
    home.platform.tablet(home.carer_id).call("GET", "/api/v1/me/day")

    looks = home.ask("citizen", "access-log")["access"]

    assert sorted((x["role"], x["what"], x["purpose"]) for x in looks) == [
        ("carer", "route", "visit"),
        ("planner", "visit", "planning"),
        ("relative", "openings", "relative"),
        ("relative", "visits", "relative"),
    ]
    assert all(set(x) == {"at", "role", "what", "purpose"} for x in looks), "no name and no id"
    page = home.person("citizen").get("/mit/adgang").content.decode()
    assert "Planlægger" in page
    assert home.person("citizen").get("/mit/adgang.csv").status == 200


def test_the_same_look_a_quarter_of_an_hour_later_is_another_one(home: Home) -> None:
    planner = home.platform.signed_in("planner")
    for minutes in (0, 14, 2):
        home.platform.clock.advance_to(home.platform.clock.now() + timedelta(minutes=minutes))
        planner.get(f"/api/v1/visits/{home.visit_id}")

    with home.platform.runtime.database.reading() as session:
        rows = session.exec(select(CitizenAccessRow).where(CitizenAccessRow.citizen_id == home.citizen_id)).all()
    assert len(rows) == 2


def test_withdrawing_the_key_shuts_the_door_to_every_tablet_in_the_same_act(home: Home) -> None:
    tablet = home.platform.tablet(home.carer_id)
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    cti, token = held_grant(tablet, stop["visit_id"])
    citizen = home.person("citizen")

    done = citizen.post("/api/v1/citizen/consents/electronic_key/withdrawal")

    assert done.status == 200
    assert done.json["rights_withdrawn"] >= 1
    door = stop["door"]["id"]
    with home.platform.runtime.database.reading() as session:
        assert not session.exec(select(RightRow).where(RightRow.door_id == door, RightRow.state == "active")).all()
        assert session.get_one(GrantRow, cti).revoked_at is not None
    assert eventually(home.platform.runtime.pipeline.idle)
    assert _events(home.platform, "citizen.left")[-1]["citizen_id"] == home.citizen_id
    told = [e["issued"] for e in _events(home.platform, "door.right") if e["door_id"] == door]
    assert told.count(False) == done.json["rights_withdrawn"]
    assert told[-1] is False
    refused = tablet.call("POST", f"/api/v1/doors/{door}/openings", {"visit_id": stop["visit_id"]})["opening"]
    assert (refused["state"], refused["code"]) == ("refused", "consent_withdrawn")
    lock_id = stop["door"]["lock_id"]
    fleet = fleet_of(home.platform, lock_id)
    assert eventually(lambda: cti in fleet.locks[lock_id].access.ctis)
    assert open_beside(fleet, lock_id, tablet.key, token, cti) is Bolt.LOCKED
    again = citizen.post("/api/v1/citizen/consents/electronic_key/withdrawal")
    assert (again.status, again.code) == (409, "consent_not_given")


def test_a_new_plan_brings_no_right_to_a_door_whose_consent_was_withdrawn_and_a_new_yes_does(home: Home) -> None:
    citizen = home.person("citizen")
    assert citizen.post("/api/v1/citizen/consents/electronic_key/withdrawal").status == 200
    planner = home.platform.signed_in("planner")
    board = planner.get("/api/v1/board").json
    proposals = planner.get(f"/api/v1/visits/{home.visit_id}/proposals").json["proposals"]
    best = proposals[0]
    lane = next(lane for lane in board["lanes"] if lane["carer_id"] == home.carer_id)
    seen = f'"{lane["route_id"]}:{lane["version"]}", "{best["route_id"]}:{best["version"]}"'
    body = {"to_carer_id": best["carer_id"], "reason": "sygdom"}
    assert planner.post(f"/api/v1/visits/{home.visit_id}/move", body, If_Match=seen).status == 200
    door = _door(home)
    assert _active_rights(home.platform, door) == []

    assert citizen.post("/api/v1/citizen/consents/electronic_key").json["rights_issued"] >= 1

    assert best["carer_id"] in {r.carer_id for r in _active_rights(home.platform, door)}
    assert citizen.post("/api/v1/citizen/consents/electronic_key").json["rights_issued"] == 0
    first = citizen.post("/api/v1/citizen/consents/screen")
    assert (first.status, first.code) == (409, "consent_not_asked")


def test_withdrawing_the_relatives_consent_signs_them_out_and_keeps_them_out(home: Home) -> None:
    relative = home.person("relative")
    assert relative.get("/mit").status == 200

    done = home.person("citizen").post("/api/v1/citizen/consents/relative/withdrawal")

    assert done.json["relatives_ended"] == 1
    refused = relative.get("/api/v1/citizen/visits")
    assert (refused.status, refused.code) == (401, "consent_withdrawn")
    assert "trukket sit samtykke tilbage" in refused.json["detail_da"]
    again = home.platform.stranger("citizen").sign_in(f"relative-{home.citizen_id}")
    assert (again.status, again.code) == (403, "no_consent")


def test_a_relative_whose_days_are_over_and_one_without_consent_are_not_let_in(platform: Platform) -> None:
    home = home_of(platform, kinds=())
    refused = home.platform.stranger("citizen").sign_in(f"relative-{home.citizen_id}")
    assert (refused.status, refused.code) == (403, "no_consent")
    with platform.runtime.units.begin() as work:
        work.session.add(ConsentRow(citizen_id=home.citizen_id, kind="relative", given_on=platform.day.on))
        work.session.get_one(IdentityRow, f"relative-{home.citizen_id}").valid_until_on = platform.day.on
    relative = home.person("relative")
    assert relative.get("/api/v1/citizen/visits").status == 200
    with platform.runtime.units.begin() as work:
        row = work.session.get_one(IdentityRow, f"relative-{home.citizen_id}")
        row.valid_until_on = platform.day.on - timedelta(days=1)

    assert relative.get("/api/v1/citizen/visits").status == 401


def test_a_relative_looks_but_decides_nothing(home: Home) -> None:
    relative = home.person("relative")

    for path in ("/api/v1/citizen/consents/electronic_key/withdrawal", "/mit/samtykker/electronic_key"):
        refused = relative.post(path)
        assert (refused.status, refused.code) == (403, "not_allowed")
    page = relative.get("/mit/samtykker").content.decode()
    assert "Kun borgeren selv kan trække en aftale tilbage." in page
    assert "/mit/samtykker/electronic_key" not in page


def test_withdrawing_screen_visits_hands_todays_to_the_planner(platform: Platform) -> None:
    home = home_of(platform, kinds=("screen",))
    with platform.runtime.units.begin() as work:
        visit = work.session.get_one(VisitRow, home.visit_id)
        visit.mode, visit.door_id = "screen", None

    assert home.ask("citizen", "visits")["visits"][0]["enters"] == "screen"
    done = home.person("kiosk").post("/api/v1/citizen/consents/screen/withdrawal")

    assert done.json["visits_handed_over"] == 1
    with platform.runtime.database.reading() as session:
        (task,) = session.exec(select(TaskRow).where(TaskRow.citizen_id == home.citizen_id)).all()
    assert (task.kind, task.visit_id, task.state) == ("screen_needs_physical", home.visit_id, "open")


def test_the_screen_on_the_table_shows_no_schedule_until_the_pin_is_typed(home: Home) -> None:
    standing, asked = home.person("kiosk", "kiosk"), home.person("kiosk", "citizen")

    refused = standing.get("/api/v1/citizen/visits")
    assert (refused.status, refused.code) == (403, "pin_needed")
    assert asked.get("/api/v1/citizen/visits").status == 200
    with home.platform.runtime.database.reading() as session:
        rows = session.exec(
            select(SessionRow)
            .where(SessionRow.identity_id == f"kiosk-{home.citizen_id}")
            .order_by(col(SessionRow.expires_s))
        ).all()
    lives = [r.expires_s - rows[0].expires_s for r in rows]
    assert lives[-1] == pytest.approx(KIOSK_SESSION_S - KIOSK_GLANCE_S, abs=60)


def test_the_page_asks_before_it_ends_a_consent_and_says_what_happens_now(home: Home) -> None:
    citizen = home.person("citizen")

    question = citizen.get("/mit/samtykker/electronic_key").content.decode()
    assert "Vil du trække aftalen tilbage?" in question
    assert "ringer på" in question
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    done = citizen.call("POST", "/mit/samtykker/electronic_key", b"", **form)

    assert (done.status, done.headers["location"]) == (303, "/mit/samtykker?trukket=electronic_key")
    told = citizen.get("/mit/samtykker?trukket=electronic_key").content.decode()
    assert "Ingen tablet kan låse din dør op fra nu af." in told
    assert "Sig ja igen" in told
    assert citizen.get("/mit/samtykker/electronic_key").status == 303, "nothing left to ask about"
    assert "trækket" not in citizen.get("/mit/samtykker?trukket=relative").content.decode()


@pytest.mark.parametrize(
    ("start_min", "open_min", "close_min", "from_min", "to_min"),
    [
        (None, 0, 90, 0, 90),
        (None, 5, 91, 0, 105),
        (30, 0, 90, 15, 75),
        (0, 0, 90, 0, 45),
        (80, 0, 90, 60, 90),
        (100, 0, 90, 75, 105),
    ],
)
def test_a_promised_span_is_quarters_around_the_plan_within_the_window(
    start_min: int | None, open_min: int, close_min: int, from_min: int, to_min: int
) -> None:
    def at(minutes: int) -> datetime:
        return EIGHT + timedelta(minutes=minutes)

    start_at = None if start_min is None else at(start_min)

    assert expected_span(start_at, at(open_min), at(close_min)) == (at(from_min), at(to_min))


def _citizen_name(home: Home) -> str:
    with home.platform.runtime.database.reading() as session:
        return session.get_one(CitizenRow, home.citizen_id).name


def _door(home: Home) -> str:
    with home.platform.runtime.database.reading() as session:
        return session.get_one(CitizenRow, home.citizen_id).door_id or ""


def _active_rights(platform: Platform, door_id: str) -> list[RightRow]:
    with platform.runtime.database.reading() as session:
        query = select(RightRow).where(RightRow.door_id == door_id, RightRow.state == "active")
        return list(session.exec(query).all())


def _events(platform: Platform, event_type: str) -> list[dict[str, Any]]:
    with platform.runtime.database.reading() as session:
        return [e.data for e in read_after(session, 0, 100_000, {event_type})]
