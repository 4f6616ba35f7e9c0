"""The emergency list: on paper before the day, again after each change, and there when everything else is not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from gateway.route_list_files import RouteListFiles
from gateway.settings import RouteListSettings
from gateway.tables import CitizenAccessRow, RouteListRow
from gateway.usecases.retention import erase_due
from gateway.usecases.retention_rules import RULES
from gateway.views.route_list import unit_list
from gateway.views.route_list_paper import Edition, unit_paper
from kernel.localtime import at_local, clock_text
from kernel.receipts import latest_receipts
from kernel.tables import EventRow
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform, eventually, running_platform
from tests.gateway.web import Person

_TEXT = re.compile(rb"\((.*?)(?<!\\)\) Tj")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lists go."""
    return tmp_path_factory.mktemp("shared-disk") / "noedlister"


@pytest.fixture(scope="module")
def listed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform that writes its lists."""
    yield from running_platform(
        tmp_path_factory.mktemp("listed"), locks=False, route_lists=folder, care_record=folder / "omsorg"
    )


def text_of(paper: bytes) -> str:
    """What a reader sees: the file is not compressed."""
    return " ".join(re.sub(rb"\\([()\\])", rb"\1", found).decode("latin-1") for found in _TEXT.findall(paper))


def whole(folder: Path, unit_id: str) -> Path:
    """The newest list of a unit."""
    return folder / TODAY.isoformat() / f"enhed-{unit_id}" / "noedliste.pdf"


def newest(folder: Path, unit_id: str) -> str:
    """Its text, empty while there is none."""
    path = whole(folder, unit_id)
    return text_of(path.read_bytes()) if path.exists() else ""


def lanes(planner: Person) -> list[dict[str, Any]]:
    return list(planner.get("/api/v1/board").json["lanes"])


def test_every_route_is_on_paper_with_what_a_carer_needs_and_no_secret(listed: Platform, folder: Path) -> None:
    unit = listed.day.units[0].id
    assert eventually(lambda: newest(folder, unit), 30.0)
    paper = newest(folder, unit)
    with listed.runtime.database.reading() as session:
        content = unit_list(session, unit, TODAY)
        stops = [(r, s) for r in content.routes for s in r.stops]
        planned = session.exec(
            select(VisitRow).where(VisitRow.day == TODAY, VisitRow.unit_id == unit, VisitRow.carer_id.is_not(None))  # type: ignore[union-attr]
        ).all()

    assert len(stops) == len(planned) > 50
    assert "udgave 1" in paper
    assert "Vagttelefon 70 10 20 30" in paper
    for route, stop in stops:
        assert route.carer_name in paper
        assert stop.citizen_name.split()[0] in paper
        assert stop.address.split(",")[0].split()[0] in paper
        assert f"{clock_text(stop.start_at)}-{clock_text(stop.end_at)}" in paper
    assert "Elektronisk lås" in paper
    lock_ids = [c.door.device_id for c in listed.day.citizens if c.door and c.door.device_id]
    assert not [lock_id for lock_id in lock_ids if lock_id in paper]


def test_a_file_is_for_its_owner_alone_and_each_carer_has_one(listed: Platform, folder: Path) -> None:
    unit = listed.day.units[0].id
    assert eventually(lambda: newest(folder, unit), 30.0)
    with listed.runtime.database.reading() as session:
        routes = unit_list(session, unit, TODAY).routes
    place = whole(folder, unit).parent

    wanted = {f"rute-{r.carer_id}.pdf" for r in routes}
    assert eventually(lambda: {p.name for p in place.glob("rute-*.pdf")} == wanted, 30.0)
    assert {oct(p.stat().st_mode & 0o777) for p in place.rglob("*.pdf")} == {"0o600"}
    assert [p.name for p in place.iterdir() if p.name.startswith(".")] == []
    one = text_of((place / f"rute-{routes[0].carer_id}.pdf").read_bytes())
    assert routes[0].carer_name in one
    assert routes[1].carer_name not in one.replace(f"Sammen med {routes[1].carer_name}", "")


def test_a_changed_route_is_written_again_and_the_edition_before_is_kept(listed: Platform, folder: Path) -> None:
    planner = listed.signed_in("planner")
    lane = next(x for x in lanes(planner) if len([v for v in x["visits"] if v["state"] == "planned"]) > 3)
    unit = lane["unit_id"]
    assert eventually(lambda: newest(folder, unit), 30.0)
    before = newest(folder, unit)
    assert str(folder) in planner.get("/planlaegger/noedliste").content.decode(), "the page says where the files are"
    bar = next(v for v in reversed(lane["visits"]) if v["state"] == "planned" and not v["double"] and not v["pinned"])
    tags = f'"{lane["route_id"]}:{lane["version"]}"'

    moved = planner.post(f"/api/v1/visits/{bar['id']}/move", {"to_carer_id": None, "reason": "illness"}, If_Match=tags)

    assert moved.status == 200, moved.content
    assert eventually(lambda: newest(folder, unit) != before, 30.0)
    after = newest(folder, unit)
    with listed.runtime.database.reading() as session:
        row = session.get_one(VisitRow, bar["id"])
        name = session.get_one(CitizenRow, row.citizen_id).name
    assert "Besøg uden medarbejder" in after
    assert "Besøg uden medarbejder" not in before
    first = after.split("Besøg uden medarbejder")[1].split("Tidsrum")[1]
    assert name.split()[0] in first
    earlier = whole(folder, unit).parent / "tidligere"
    assert text_of((earlier / "udgave-0001.pdf").read_bytes()) == before
    assert (earlier / "udgave-0002.pdf").read_bytes() == whole(folder, unit).read_bytes()


def test_opening_a_list_is_bound_to_ones_units_and_noted_for_every_citizen_on_it(listed: Platform) -> None:
    unit = listed.day.units[0].id
    planner = listed.signed_in("planner")

    paper = planner.get(f"/api/v1/route-lists.pdf?unit={unit}&day={TODAY}")
    foreign = planner.get("/api/v1/route-lists.pdf?unit=somebody-else-s")

    assert paper.status == 200
    assert paper.content.startswith(b"%PDF-")
    assert paper.headers["cache-control"] == "no-store"
    assert foreign.status == 403
    with listed.runtime.database.reading() as session:
        shown = {s.citizen_id for r in unit_list(session, unit, TODAY).routes for s in r.stops}
        looks = session.exec(select(CitizenAccessRow).where(CitizenAccessRow.what == "route_list")).all()
        told = session.exec(select(EventRow).where(EventRow.event_type == "route_list.opened")).all()
    assert shown <= {look.citizen_id for look in looks}
    assert {(look.role, look.purpose) for look in looks} == {("planner", "outage")}
    assert told[-1].data["citizen_count"] >= len(shown)
    assert listed.signed_in("manager").get(f"/api/v1/route-lists?day={TODAY}").json["lists"][0]["edition"] >= 1


def test_erased_editions_take_their_files_along_and_foreign_files_stay(listed: Platform, tmp_path: Path) -> None:
    units = listed.runtime.units
    files = RouteListFiles(units, RouteListSettings(directory=tmp_path, days_ahead=0), "70 10 20 30")
    files.write_due(units.clock.now())
    (tmp_path / "regnskab").mkdir()
    (tmp_path / "regnskab" / "enhed-x.pdf").write_bytes(b"somebody else's")
    old = tmp_path / "2026-10-01" / "enhed-a" / "tidligere"
    old.mkdir(parents=True)
    (old / "udgave-0001.pdf").write_bytes(b"old")
    (old.parent / "noedliste.pdf").write_bytes(b"old")
    with units.begin() as work:
        day = datetime(2026, 10, 1, tzinfo=UTC)
        work.session.add(RouteListRow(unit_id="a", day=day.date(), edition=1, made_at=day, route_count=1, mark="m"))
    kept = sorted(tmp_path.rglob("*.pdf"))

    assert files.sweep() == 0
    assert sorted(tmp_path.rglob("*.pdf")) == kept

    rule = next(rule for rule in RULES if rule.data_type == "route_lists")
    assert erase_due(units, rule, 14, 0.0) == 1
    assert files.sweep() == 2
    assert not (tmp_path / "2026-10-01").exists()
    assert (tmp_path / "regnskab" / "enhed-x.pdf").exists()
    assert list((tmp_path / TODAY.isoformat()).rglob("noedliste.pdf"))
    with units.database.reading() as session:
        assert latest_receipts(session, 1)[0].data_type == "route_lists"


def test_a_folder_that_cannot_be_written_is_told_and_leaves_the_old_list(listed: Platform, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("no folder")
    files = RouteListFiles(listed.runtime.units, RouteListSettings(directory=blocked), "70 10 20 30")

    files.start()
    wrong = eventually(files.check)
    files.stop()

    assert wrong in ("NotADirectoryError", "FileExistsError")
    assert blocked.read_text() == "no folder"


def test_a_long_name_or_address_is_broken_into_lines_and_never_cut(listed: Platform) -> None:
    unit = listed.day.units[0].id
    with listed.runtime.database.writing() as session:
        citizen = session.exec(select(CitizenRow).where(CitizenRow.unit_id == unit)).all()[0]
        citizen.address = "Åboulevardensforlængelsesvejsstykkenummerfireoghalvtreds 123, 4. tv., 2000 Frederiksberg C"
        session.add(citizen)
        session.flush()
        content = unit_list(session, unit, TODAY)
        paper = text_of(unit_paper(content, Edition(1, at_local(TODAY, time(6))), "70 10 20 30"))
        session.rollback()

    assert "Åboulevardensforlængelsesvejsstykkenummerfireoghalvtreds" in paper.replace(" ", "")
    assert "Frederiksberg C" in paper


def test_a_file_the_care_record_drops_takes_effect_or_comes_back_with_what_is_wrong(
    listed: Platform, folder: Path
) -> None:
    place = folder / "omsorg"
    with listed.runtime.database.reading() as session:
        number = session.exec(select(CitizenRow).order_by(CitizenRow.id)).all()[0].short
    head, day = "Dato;Borger;Ydelse;Fra;Til;Varighed\n", TODAY + timedelta(days=20)
    good = f"{day:%d-%m-%Y};{number};Personlig pleje;10:00;11:00;20\n"
    (place / "ind").mkdir(parents=True)
    for name, text in (("god.csv", head + good), ("skidt.csv", head + good.replace("10:00", "ti"))):
        (place / "ind" / f"{name}.part").write_bytes(text.encode("cp1252"))
        (place / "ind" / f"{name}.part").rename(place / "ind" / name)

    assert eventually((place / "afvist" / "skidt.csv").exists, 30.0)
    assert eventually((place / "indlaest" / "god.csv").exists, 30.0)
    said = (place / "afvist" / "skidt.csv.fejl.txt").read_text()
    assert "række 2, kolonne Fra: forventede et klokkeslæt som 07:30, fandt ti" in said
    with listed.runtime.database.reading() as session:
        assert len(session.exec(select(VisitRow).where(VisitRow.day == day)).all()) == 1


def test_the_list_is_there_when_database_and_servers_are_stopped(listed: Platform, folder: Path) -> None:
    unit = listed.day.units[0].id
    carer = listed.day.carers[0].name
    listed.clock.advance_to(listed.clock.now() + timedelta(minutes=1))
    assert eventually(lambda: newest(folder, unit), 30.0)

    listed.server.stop()
    listed.runtime.stop()

    assert "Nødliste" in newest(folder, unit)
    assert carer in " ".join(text_of(p.read_bytes()) for p in folder.rglob("noedliste.pdf"))
