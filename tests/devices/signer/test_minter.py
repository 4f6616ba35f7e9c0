"""No grant leaves before it is written down, and what is written down survives."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from devices.keys.signer.book import LogBook, read_only
from devices.keys.signer.journal import Decision, Journal
from devices.keys.signer.minter import Minter
from devices.keys.signer.model import Minted, MintRefusal, MintRequest, NotMinted, SignerSettings
from tests.devices.keys_store.town import START_AT, Town, stop

DECISION = Decision(START_AT, "minted", "c" * 32, "door", "visit", "shift", "carer", "unit")


def _ready(town: Town) -> MintRequest:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60)])
    return MintRequest(
        carer.route_id,
        1,
        "v1",
        "door-1",
        ("lock-1",),
        carer.carer_id,
        carer.shift_id,
        carer.key.thumbprint,
        0,
    )


def test_a_full_disk_stops_the_minting(town: Town) -> None:
    request = _ready(town)
    settings = SignerSettings("unix:/unused", town.database_url, Path("k"), Path("s"), Path("/dev/full"), clock="log")
    book = LogBook(read_only(town.database_url))
    with closing(Minter(settings, town.keys, book, Journal(settings.log_file))) as minter:
        with pytest.raises(OSError, match="No space left"):
            minter.mint([request])
        assert minter.status().minted == 0


def test_locks_too_long_for_a_grant_are_a_bad_request_and_spoil_no_other(town: Town) -> None:
    request = _ready(town)
    longest = tuple(f"{number}{'x' * 63}" for number in range(4))
    for lock_id in longest:
        town.mount(lock_id, "door-1")
    with closing(town.minter()) as minter:
        results = minter.mint([replace(request, lock_ids=longest), request])
    assert results[0] == NotMinted(MintRefusal.BAD_REQUEST)
    assert isinstance(results[1], Minted)


def test_a_line_cut_by_a_power_failure_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "signer.jsonl"
    with closing(Journal(path)) as journal:
        journal.append([DECISION])
    with path.open("a") as file:
        file.write('{"time": "2026-11-2')
    with closing(Journal(path)) as journal:
        journal.append([replace(DECISION, shift="after")])
        read = list(journal.minted_since(START_AT - timedelta(hours=1)))
    assert [decision.shift for decision in read] == ["shift", "after"]


def test_only_grants_of_the_last_hour_count_after_a_restart(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "signer.jsonl")) as journal:
        journal.append([DECISION, replace(DECISION, decision="refused", reason="quota_carer")])
        assert list(journal.minted_since(START_AT - timedelta(seconds=1))) == [DECISION]
        assert list(journal.minted_since(START_AT)) == []


def test_what_a_gateway_claims_cannot_flood_the_log(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "signer.jsonl")) as journal:
        journal.append([replace(DECISION, door="d" * 10_000, visit="\n{}\n")])
    (line,) = (tmp_path / "signer.jsonl").read_text().splitlines()
    assert len(line) < 600
