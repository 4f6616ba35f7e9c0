"""The monthly report: page, CSV, workbook and paper say the same, with the owner's words and the screen weeks."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdfium2 import PdfDocument

from gateway.pages.report_facts import month_report
from gateway.pages.report_files import SCREEN_COLUMNS
from gateway.pages.report_paper import month_paper
from kernel.localtime import at_local
from metrics.evaluation.answers import COLUMNS as ANSWER_COLUMNS
from metrics.evaluation.answers import blank_file
from metrics.evaluation.questionnaire import load_questionnaires
from metrics.money.case_money import worth_ore
from metrics.reports.comments import write_comment
from metrics.technologies import NAMES_DA
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from tests.gateway.benefits_town import BenefitsTown, benefits_town
from tests.gateway.test_money_page import choice
from tests.metrics.all_technologies import FIRST_WEEK_ON, LAST_ON
from video.tables import RoomRow

MONTH = "2026-10"
NOW = at_local(LAST_ON + timedelta(days=1), time(12))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenefitsTown]:
    with benefits_town(tmp_path_factory.mktemp("reports")) as started:
        _call(started)
        yield started


def _call(town: BenefitsTown) -> None:
    """Two weeks of calls in Nord, eight citizens with one a day, the last of each not answered; two in Amager, once."""
    with town.runtime.units.begin() as work:
        for unit, citizens, weeks, short in (("nord", 8, 2, 9_000), ("amager", 2, 1, 9_100)):
            for n in range(citizens):
                work.session.add(_citizen(f"{unit}-c{n}", unit, short + n))
                for day in range(7 * weeks):
                    at = at_local(FIRST_WEEK_ON + timedelta(days=day), time(9, n))
                    work.session.add(_visit(f"{unit}-{n}-{day}", f"{unit}-c{n}", unit, at))
                    work.session.add(_room(f"{unit}-{n}-{day}", f"{unit}-c{n}", unit, at, answered=day % 7 < 6))


def _citizen(citizen_id: str, unit: str, short: int) -> CitizenRow:
    return CitizenRow(
        id=citizen_id, short=short, unit_id=unit, name="x", address="y", place={}, devices=[], preferences={}
    )


def _visit(visit_id: str, citizen_id: str, unit: str, at: datetime) -> VisitRow:
    return VisitRow(
        id=f"v-{visit_id}",
        citizen_id=citizen_id,
        unit_id=unit,
        day=at.date(),
        service="talk",
        window_open_at=at,
        window_close_at=at,
        duration_s=600,
        mode="screen",
        required_skills=[],
        required_competences=[],
        state="ended",
    )


def _room(room_id: str, citizen_id: str, unit: str, at: datetime, *, answered: bool) -> RoomRow:
    return RoomRow(
        room_id=room_id,
        visit_id=f"v-{room_id}",
        citizen_id=citizen_id,
        carer_id="carer",
        unit_id=unit,
        state="concluded",
        begun_at=at,
        ring_until_at=at,
        ring_until_s=0.0,
        answered_at=at if answered else None,
        talk_s=420 if answered else 0,
        outcome="completed" if answered else "no_answer",
        concluded_at=datetime(2026, 10, 12, tzinfo=UTC),
    )


def test_page_csv_workbook_and_rows_say_the_same(town: BenefitsTown) -> None:
    with town.runtime.database.reading() as session:
        report = month_report(session, choice(), MONTH, NOW)
    manager = town.person()
    text = manager.get(f"/leder/rapport.csv?maaned={MONTH}").content.decode("utf-8-sig")
    book = load_workbook(io.BytesIO(manager.get(f"/leder/rapport.xlsx?maaned={MONTH}").content))
    page = manager.get(f"/leder/rapport?maaned={MONTH}").content.decode()
    manager.close()
    lines = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert len(lines) == len(report.lines) == book["Gevinster"].max_row - 1
    for line, said in zip(report.lines, lines, strict=True):
        assert (said["technology"], said["unit_id"]) == (line.row.technology, line.row.unit_id or "all")
        realised = float(said["realised_min"].replace(",", ".")) if said["realised_min"] else None
        assert realised == (None if line.row.realised_s is None else pytest.approx(line.row.realised_s / 60, abs=0.01))
    keys = next(line for line in report.lines if line.row.technology == "keys" and line.row.unit_id is None)
    assert keys.realised_ore == worth_ore(keys.row.realised_s or 0, 32_446)
    assert f"{round((keys.realised_ore or 0) / 100):,}".replace(",", ".") in page


def test_the_paper_has_every_case_and_is_the_same_file_twice(town: BenefitsTown) -> None:
    manager = town.person()
    first, second = (manager.get(f"/leder/rapport.pdf?maaned={MONTH}") for _ in range(2))
    manager.close()
    assert first.content[:5] == b"%PDF-"
    assert first.content == second.content
    assert len(re.findall(rb"/Type\s*/Page\b", first.content)) >= 2


COMMENT = "Færre opkald på Åboulevarden – “uge 42” gav ærgrelser"


def pages_of(paper: bytes) -> list[tuple[str, Any]]:
    """The text of every page, and its picture in shades of grey: rows of points, 0 is black."""
    found = []
    with closing(PdfDocument(paper)) as document:
        for number in range(len(document)):
            with (
                closing(document[number]) as page,
                closing(page.get_textpage()) as text,
                closing(page.render(scale=2, grayscale=True)) as picture,
            ):
                found.append((text.get_text_range(), picture.to_numpy().copy().squeeze()))
    return found


def test_the_paper_keeps_what_belongs_together_on_a_page_and_writes_danish_letters(town: BenefitsTown) -> None:
    with town.runtime.units.begin() as work:
        write_comment(work, "screen", "", MONTH, COMMENT, "benefit_owner")
    with town.runtime.database.reading() as session:
        report = month_report(session, choice(), MONTH, NOW)
    pages = pages_of(month_paper(report, NOW))
    for technology in ("screen", "transfers", "keys", "routing"):
        (page,) = [text for text, _picture in pages if f"\n{NAMES_DA[technology]}" in text]
        of_it = page[page.index(f"\n{NAMES_DA[technology]}") :]
        assert of_it.index("Realiseret kr.") < of_it.index("Tab, der er trukket fra"), technology
    text = " ".join(" ".join(text for text, _picture in pages).split())
    assert "Gevinster, oktober 2026" in text
    assert 'Færre opkald på Åboulevarden - "uge 42" gav ærgrelser' in text
    assert "?" not in text
    for _text, picture in pages:
        # 8 mm at three edges: nothing runs off the page
        edge = round(8 / 25.4 * 72 * 2)
        assert picture[:edge].min() == picture[:, :edge].min() == picture[:, -edge:].min() == 255
        assert (picture < 64).any()
        # The grey of the boxes stays theirs: the tables below them are black on white.
        assert (picture == 200).mean() < 0.003


def test_a_table_longer_than_a_page_says_on_each_what_its_columns_are(town: BenefitsTown) -> None:
    with town.runtime.database.reading() as session:
        report = month_report(session, choice(), MONTH, NOW)
    line = next(line for line in report.lines if line.row.technology == "keys" and line.row.unit_id == "nord")
    many = [replace(line, row=replace(line.row, unit_name=f"Center {n}")) for n in range(90)]
    pages = [text for text, _picture in pages_of(month_paper(replace(report, lines=tuple(many), weeks=()), NOW))]
    listed = [text for text in pages if re.search(r"Center \d+ 2\.3", text)]
    assert len(listed) >= 2
    assert all("Realiseret kr." in text for text in listed)
    drawn = [text for text in pages if "10.000" in text and text not in listed]
    assert len(drawn) == 3, "each part of the drawing has its scale"
    assert len(pages) <= 6


def test_the_weeks_of_screen_visits_follow_randers_and_hide_the_few(town: BenefitsTown) -> None:
    with town.runtime.database.reading() as session:
        weeks = month_report(session, choice(), MONTH, NOW).weeks
    first = {week.unit_id: week for week in weeks if week.monday_on == FIRST_WEEK_ON}
    # two citizens in Amager are too few, and Nord would tell of them as what is left of the whole
    assert {unit for unit, week in first.items() if week.withheld} == {"nord", "amager"}
    with town.runtime.database.reading() as session:
        alone = month_report(session, choice(unit_id="nord"), MONTH, NOW).weeks
    hidden, nord = (week for week in alone if FIRST_WEEK_ON <= week.monday_on < FIRST_WEEK_ON + timedelta(days=14))
    # also where Nord was chosen alone
    assert hidden.withheld
    assert (nord.answered, nord.unanswered, nord.mean_talk_s, nord.active_citizens) == (48, 8, 420, 8)
    assert nord.use_ratio == pytest.approx(48 / 8 / 7)
    assert nord.planned_screen_visits == 56
    # the week that ends in November belongs to November's report
    assert max(week.monday_on for week in weeks) + timedelta(days=6) <= LAST_ON
    assert len(SCREEN_COLUMNS) == 15


def test_the_owners_words_stand_in_every_form_and_the_newest_is_shown(town: BenefitsTown) -> None:
    manager = town.person()
    for text in ("Gamle ord", "Nye ord om nord"):
        body = f"maaned={MONTH}&teknologi=keys&center=nord&tekst={text}".encode()
        answer = manager.call("POST", "/leder/rapport", body, **FORM)
        assert answer.status == 303
    page = manager.get(f"/leder/rapport?maaned={MONTH}").content.decode()
    told = manager.get(f"/leder/rapport.csv?maaned={MONTH}").content.decode("utf-8-sig")
    manager.close()
    assert "Nye ord om nord" in page
    assert "Nye ord om nord" in told
    assert "Gamle ord" not in page + told


def test_a_comment_that_names_somebody_comes_back_with_a_sentence(town: BenefitsTown) -> None:
    manager = town.person()
    body = f"maaned={MONTH}&teknologi=keys&center=&tekst=Hun er 010203-1234 nu".encode()
    answer = manager.call("POST", "/leder/rapport", body, **FORM)
    manager.close()
    assert answer.status == 422
    assert "ligner et CPR-nummer" in answer.content.decode()
    assert "Hun er 010203-1234 nu" in answer.content.decode()


def test_who_reads_only_writes_nothing_and_a_month_without_report_is_not_found(town: BenefitsTown) -> None:
    auditor, leader = town.person("auditor"), town.person("leader-nord")
    body = f"maaned={MONTH}&teknologi=keys&center=&tekst=Ikke min".encode()
    refused = [
        auditor.call("POST", "/leder/rapport", body, **FORM),
        leader.call("POST", "/leder/rapport", body, **FORM),
    ]
    missing = auditor.get("/leder/rapport?maaned=2031-01")
    # the last whole month, in which nothing was settled yet
    empty = auditor.get("/leder/rapport")
    auditor.close()
    leader.close()
    assert [answer.status for answer in refused] == [403, 403]
    assert missing.status == 404
    assert empty.status == 200
    assert "Månedsrapport september 2026" in empty.content.decode()


def answers(count: int) -> bytes:
    form = load_questionnaires()["keys-staff"]
    rows = [[*row[:-1], str(count)] for row in blank_file(form, "nord", "initially")]
    text = "\n".join(";".join(map(str, row)) for row in [ANSWER_COLUMNS, *rows])
    part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="svar.csv"\r\n\r\n{text}\r\n--x--\r\n'
    return part.encode()


def test_a_centre_is_measured_three_times_and_its_answers_come_from_a_file(town: BenefitsTown) -> None:
    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    with closing(town.person()) as manager, closing(town.person("leader-bakken")) as other:
        blank = manager.get("/leder/evaluering/skema.csv?skema=keys-staff&center=nord&maaling=initially")
        too_early = manager.get("/leder/evaluering/skema.csv?skema=keys-staff&center=nord&maaling=finally")
        empty = manager.get("/leder/evaluering").content.decode()
        refused = manager.call(
            "POST", "/leder/evaluering", answers(8).replace(b"agree;8", b"agree;otte", 1), **multipart
        )
        foreign = other.call("POST", "/leder/evaluering", answers(8), **multipart)
        still_empty = manager.get("/leder/evaluering.csv").content.decode("utf-8-sig")
        taken = manager.call("POST", "/leder/evaluering", answers(8), **multipart)
        page = manager.get("/leder/evaluering?enhed=nord").content.decode()
        text = manager.get("/leder/evaluering.csv").content.decode("utf-8-sig")
        book = load_workbook(io.BytesIO(manager.get("/leder/evaluering.xlsx").content))
    assert blank.content.decode("utf-8-sig").splitlines()[1] == "nord;initially;keys-staff;easy;agree;"
    assert too_early.status == 404
    assert all(word in empty for word in ("Indledningsvis", "Midtvejs", "Afslutningsvis", "ingen svar endnu"))
    assert (
        refused.status,
        "række 2, count: forventet et helt tal under 100000, fundet otte" in refused.content.decode(),
    ) == (422, True)
    assert (foreign.status, "et center, du kan se" in foreign.content.decode()) == (422, True)
    assert "keys-staff" not in still_empty
    assert taken.status == 303
    assert "svar indlæst" in page
    assert "Svar i alt" in page
    counted, answered = (list(csv.DictReader(io.StringIO(part), delimiter=";")) for part in text.split("\n\n"))
    assert {row["count"] for row in answered} == {"8"}
    assert book["Spørgeskemaer"].max_row - 1 == len(answered) == 25
    assert book["Optælling"].max_row - 1 == len(counted)
    keys = [row for row in counted if (row["technology"], row["unit_id"]) == ("keys", "nord")]
    row = next(row for row in town.world.rows() if (row.technology, row.unit_id) == ("keys", "nord"))
    realised = next(one for one in keys if (one["measurement"], one["figure"]) == ("initially", "realised_min"))
    # the first measurement is all there is: four weeks from go-live on
    assert float(realised["value"].replace(",", ".")) == pytest.approx((row.realised_s or 0) / 60, abs=0.1)
    assert {one["measurement"] for one in keys} == {"initially"}
