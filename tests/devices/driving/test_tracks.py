"""Track files: read whole or not at all, and what is wrong is named by its line. On both databases."""

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from devices.driving.errors import DrivingError
from devices.driving.model import Fix
from devices.driving.retention import forget_positions
from devices.driving.tables import TrackImportRow, VehicleFixRow
from devices.driving.tracks.gpx import read_gpx
from devices.driving.tracks.nmea import checksum, read_nmea
from devices.driving.tracks.service import Imported, import_track
from kernel.database import Database
from tests.devices.driving.garage import CAR, Garage
from tests.devices.driving.roads import ODOMETER_M, SEVEN, driven, legs

GPX = (
    '<?xml version="1.0"?>\n<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>\n'
    "{points}\n</trkseg></trk></gpx>"
)
POINT = '<trkpt lat="{lat}" lon="{lon}"><ele>3</ele><time>{at}</time></trkpt>'


@pytest.fixture
def garage(database: Database) -> Garage:
    return Garage(database)


def gpx(fixes: Sequence[Fix], **wrong: str) -> bytes:
    points = []
    for fix in fixes:
        assert fix.position is not None
        values = {"lat": str(fix.position.lat_deg), "lon": str(fix.position.lon_deg), "at": fix.ts_at.isoformat()}
        points.append(POINT.format(**values))
    if wrong:
        points[3] = POINT.format(**({"lat": "55.7", "lon": "12.5", "at": SEVEN.isoformat()} | wrong))
    return GPX.format(points="\n".join(points)).encode()


def nmea(fixes: Sequence[Fix]) -> bytes:
    lines = []
    for fix in fixes:
        assert fix.position is not None
        lat, lon, at = fix.position.lat_deg, fix.position.lon_deg, fix.ts_at
        body = (
            f"GPRMC,{at:%H%M%S}.00,A,{int(lat):02d}{lat % 1 * 60:07.4f},N,{int(lon):03d}{lon % 1 * 60:07.4f},E,"
            f"{(fix.speed_kmh or 0) / 1.852:.2f},0.0,{at:%d%m%y},,,A"
        )
        lines.append(f"${body}*{checksum(body):02X}")
    return "\r\n".join(lines).encode()


def real_day() -> list[Fix]:
    return driven(legs([1_500, 900], drive_min=5.0), parked_every_s=10.0)


def imported(garage: Garage, content: bytes, odometer_m: int = ODOMETER_M) -> Imported:
    with garage.units.begin() as work:
        return import_track(work, CAR, ["nord"], content, odometer_m, "identity-3", "technician", garage.facts_of)


@pytest.mark.parametrize("write", [gpx, nmea])
def test_a_real_track_becomes_the_trips_that_were_driven(garage: Garage, write: object) -> None:
    found = imported(garage, write(real_day()))  # type: ignore[operator]

    assert found.problem is None
    first, second = garage.trips("closed", "open")
    assert (first.carer_id, first.start_odometer_m) == ("anna", ODOMETER_M)
    # Without speeds a car is told to stand within 75 m of where it stood.
    assert first.distance_m == pytest.approx(1_950, abs=150)
    assert second.distance_m == pytest.approx(1_170, abs=150)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        pytest.param({"lat": "95"}, "lat from -90 to 90", id="no such place"),
        pytest.param({"lon": "east"}, "lat from -90 to 90", id="a word for a place"),
        pytest.param({"at": "yesterday"}, "a time with its zone", id="no time"),
        pytest.param({"at": "2026-11-25T07:00:00"}, "a time with its zone", id="a time without a zone"),
    ],
)
def test_a_wrong_point_is_named_by_its_line_and_nothing_of_the_file_is_taken(
    garage: Garage, wrong: dict[str, str], expected: str
) -> None:
    content = gpx(real_day(), **wrong)

    found = imported(garage, content)

    assert found.problem is not None
    assert (found.problem.line, found.fix_count) == (6, 0)
    assert expected in found.problem.expected
    assert garage.trips() == []
    with garage.database.reading() as session:
        (row,) = session.exec(select(TrackImportRow)).all()
        assert session.exec(select(VehicleFixRow)).all() == []
        assert (row.state, zlib.decompress(row.content or b"")) == ("refused", content)
        assert row.problems[0]["line"] == 6


def test_a_wrong_checksum_is_named_by_its_line() -> None:
    lines = nmea(real_day()).split(b"\r\n")
    lines[4] = lines[4][:20] + b"9" + lines[4][21:]

    (problem,) = read_nmea(b"\n".join(lines)).problems

    assert problem.line == 5
    assert problem.expected.startswith("checksum ")


def test_other_sentences_and_a_receiver_without_a_fix_are_no_problem() -> None:
    void = "GPRMC,070000.00,V,,,,,,,251126,,,N"
    other = "GPGSV,1,1,00"
    lines = [f"${body}*{checksum(body):02X}".encode() for body in (void, other)]

    read = read_nmea(b"\n".join([*lines, nmea(real_day()[:2])]))

    assert (len(read.points), read.problems) == (2, ())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            b'<?xml version="1.0"?>\n<!DOCTYPE gpx [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><gpx>&b;</gpx>', id="entities"
        ),
        pytest.param(b'<!DOCTYPE gpx SYSTEM "file:///etc/passwd"><gpx/>', id="a foreign document type"),
    ],
)
def test_a_file_with_a_document_type_is_refused_before_anything_of_it_is_read(content: bytes) -> None:
    read = read_gpx(content)

    assert read.points == ()
    assert [p.expected for p in read.problems] == ["GPX without a document type"]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_readers_fail(content: bytes) -> None:
    for read in (read_gpx(content), read_nmea(content)):
        assert read.problems or read.points


def test_a_track_of_a_time_the_tracker_has_told_of_is_not_taken(garage: Garage) -> None:
    garage.hear_all(real_day())

    with pytest.raises(DrivingError) as caught:
        imported(garage, gpx(real_day()))

    assert caught.value.code == "track_overlaps"
    with garage.database.reading() as session:
        assert session.exec(select(TrackImportRow)).all() == []


def test_an_odometer_that_does_not_fit_the_trips_around_is_said_so(garage: Garage) -> None:
    garage.hear_all(driven(legs([800], start_at=SEVEN - timedelta(hours=3))))

    with pytest.raises(DrivingError) as caught:
        imported(garage, gpx(real_day()), ODOMETER_M - 40_000)

    assert caught.value.code == "track_odometer"


@pytest.mark.parametrize("away", [timedelta(days=-400), timedelta(days=2)])
def test_a_track_of_last_year_or_of_tomorrow_is_refused(garage: Garage, away: timedelta) -> None:
    found = imported(garage, gpx(driven(legs([900], start_at=SEVEN + away))))

    assert found.problem is not None
    assert "from " in found.problem.expected


def test_the_file_goes_when_its_positions_go(garage: Garage) -> None:
    imported(garage, gpx(real_day()))
    before: datetime = SEVEN + timedelta(days=1)

    with garage.units.begin() as work:
        while not forget_positions(work, before).done:
            pass

    with garage.database.reading() as session:
        (row,) = session.exec(select(TrackImportRow)).all()
        assert (row.content, row.state) == (None, "imported")
