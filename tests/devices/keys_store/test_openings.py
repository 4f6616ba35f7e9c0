"""A door is opened, refused, jammed or never heard of: what is stored, recorded and sent at each step."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy.event import listen, remove

from devices.events import DoorOpened, OpeningSettled
from devices.inbox.model import Outgoing
from devices.keys import opening_steps, openings, release
from devices.keys.errors import ProofError
from devices.keys.messages import Challenge, decode_message
from devices.keys.model import Operation
from devices.keys.openings import OpeningError
from devices.keys.rights import revoke_shift
from devices.keys.schemas import DoorOpening, GrantIssued, ProofOutcome
from devices.keys.topics import Direction
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.holder import HolderKey
from kernel.errors import KernelError
from kernel.ids import new_id
from scheduling.events import RouteStop
from tests.devices.keys_store.town import Carer, Town, stop

VISIT = stop("visit-1", "door-1", 10)


def _ready(town: Town) -> tuple[Carer, GrantIssued]:
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [VISIT])
    (grant,) = town.grants(carer)
    return carer, grant


def _tap(town: Town, carer: Carer, visit: RouteStop = VISIT) -> DoorOpening:
    facts, ids = town.facts(carer, visit, "lock-1")
    with town.units.begin() as work:
        return openings.request_opening(work, facts=facts, ids=ids, wall_s=town.wall_s())


def _challenge(town: Town, opening: DoorOpening) -> Challenge:
    question = openings.challenge_request(opening)
    ((name, payload, _),) = town.locks["lock-1"].on_message(question.name, question.payload)
    challenge = cast(Challenge, decode_message(Direction.UP, name, payload))
    with town.units.begin() as work:
        assert openings.challenge_came(work, opening, challenge, town.wall_s()).state == "challenged"
    return challenge


def _prove(town: Town, opening: DoorOpening, carer: Carer, grant: GrantIssued, challenge: Challenge) -> ProofOutcome:
    proof = carer.key.prove("lock-1", Operation.OPEN, grant.cti, challenge.nonce)
    with town.units.begin() as work:
        return release.proof_given(
            work,
            opening.opening_id,
            cti=grant.cti,
            holder_key=carer.key.public_key,
            proof=proof,
            wall_s=town.wall_s(),
        )


def _sent(town: Town, carer: Carer, grant: GrantIssued) -> tuple[DoorOpening, Outgoing]:
    opening = _tap(town, carer)
    outcome = _prove(town, opening, carer, grant, _challenge(town, opening))
    assert outcome.command is not None
    assert outcome.opening.state == "sent"
    return outcome.opening, outcome.command


def _said(town: Town, command: Outgoing) -> dict[str, bytes]:
    """What the lock says to a command, by name."""
    return {name: body for name, body, _ in town.locks["lock-1"].on_message(command.name, command.payload)}


def _now(town: Town, opening: DoorOpening) -> DoorOpening:
    with town.database.reading() as session:
        return openings.find_opening(session, opening.opening_id)


def _settled(town: Town) -> list[tuple[str, str | None, bool]]:
    events = cast("list[OpeningSettled]", town.events("opening.settled"))
    return [(event.state, event.code, event.late) for event in events]


def test_a_tap_a_challenge_and_a_proof_open_the_door_and_the_log_hears_of_it_once(town: Town) -> None:
    carer, grant = _ready(town)
    opening, command = _sent(town, carer, grant)
    town.pass_s(1.7)
    said = _said(town, command)

    town.hear("lock-1", [("answer", said["answer"]), ("evt", said["evt"])])

    now = _now(town, opening)
    assert (now.state, now.by_lock, now.late, now.code) == ("unlocked", True, False, None)
    (opened,) = cast("list[DoorOpened]", town.events("door.opened"))
    assert (opened.opening_id, opened.visit_id, opened.shift_id, opened.carer_id) == (
        opening.opening_id,
        "visit-1",
        carer.shift_id,
        carer.carer_id,
    )
    (settled,) = cast("list[OpeningSettled]", town.events("opening.settled"))
    assert (settled.state, settled.elapsed_ms) == ("unlocked", 1_700)
    assert town.locks["lock-1"].log.held == 0, "the watermark came home and the lock let go of its log"


@pytest.mark.parametrize("order", [["evt", "answer"], ["evt"], ["answer", "evt", "answer", "evt"]])
def test_the_chained_event_is_as_good_as_the_answer_and_neither_is_told_twice(town: Town, order: list[str]) -> None:
    carer, grant = _ready(town)
    opening, command = _sent(town, carer, grant)
    said = _said(town, command)

    for name in order:
        town.hear("lock-1", [(name, said[name])])

    assert _now(town, opening).state == "unlocked"
    assert [event.opening_id for event in cast("list[DoorOpened]", town.events("door.opened"))] == [opening.opening_id]
    assert _settled(town) == [("unlocked", None, False)]


def test_a_refusal_by_rule_is_stored_with_its_facts_and_the_lock_never_hears_of_it(town: Town) -> None:
    carer, _ = _ready(town)
    facts, ids = town.facts(carer, VISIT, "lock-1")
    early = replace(facts, now_at=VISIT.start_at - timedelta(minutes=31))
    with town.units.begin() as work:
        opening = openings.request_opening(work, facts=early, ids=ids, wall_s=town.wall_s())

    assert (opening.state, opening.code) == ("refused", "outside_visit_window")
    assert _now(town, opening).facts["opens_at"] == (VISIT.start_at - timedelta(minutes=30)).isoformat()
    assert _settled(town) == [("refused", "outside_visit_window", False)]
    assert len(town.events("opening.requested")) == 1


def test_a_visit_that_left_the_route_is_refused_as_not_on_route(town: Town) -> None:
    carer, _ = _ready(town)
    town.publish(carer, 2, [])
    assert _tap(town, carer).code == "not_on_route"


def test_a_proof_that_comes_after_five_seconds_sends_nothing(town: Town) -> None:
    carer, grant = _ready(town)
    opening = _tap(town, carer)
    challenge = _challenge(town, opening)
    town.pass_s(5.1)

    outcome = _prove(town, opening, carer, grant, challenge)

    assert (outcome.opening.state, outcome.command) == ("expired", None)
    assert _settled(town) == [("expired", None, False)]


def test_a_proof_posted_twice_releases_the_command_once(town: Town) -> None:
    carer, grant = _ready(town)
    opening = _tap(town, carer)
    challenge = _challenge(town, opening)
    first = _prove(town, opening, carer, grant, challenge)
    second = _prove(town, opening, carer, grant, challenge)
    assert first.command is not None
    assert (second.opening.state, second.command) == ("sent", None)


def test_the_sweeper_settles_what_waited_too_long_and_only_once(town: Town) -> None:
    carer, grant = _ready(town)
    never_sent = _tap(town, carer)
    sent, command = _sent(town, carer, grant)
    assert _sweep(town) == []
    town.pass_s(5.5)
    assert _sweep(town) == [(never_sent.opening_id, "expired")]
    town.pass_s(5.0)
    assert _sweep(town) == [(sent.opening_id, "unknown")]
    assert _sweep(town) == []

    town.hear("lock-1", list(_said(town, command).items()))

    late = _now(town, sent)
    assert (late.state, late.late) == ("refused", True), "the nonce had died on the lock's own timer"
    assert late.code == "stale_challenge"


def test_an_answer_that_comes_late_is_believed_and_shown_as_late(town: Town) -> None:
    carer, grant = _ready(town)
    opening, command = _sent(town, carer, grant)
    said = _said(town, command)
    town.pass_s(30)
    _sweep(town)
    assert _now(town, opening).state == "unknown"

    town.hear("lock-1", [("answer", said["answer"])])

    assert _settled(town) == [("unknown", None, False), ("unlocked", None, True)]


def test_a_lock_can_be_asked_for_its_answer_again_and_does_nothing_twice(town: Town) -> None:
    carer, grant = _ready(town)
    opening, command = _sent(town, carer, grant)
    _said(town, command)  # lost on the way
    town.tell([openings.ask_again(opening)])
    assert _now(town, opening).state == "unlocked"
    assert len(town.events("door.opened")) == 1


def test_a_jam_is_the_locks_word_and_no_opening(town: Town) -> None:
    town.mount("lock-1", "door-1", replace(FAULTLESS, jam_ratio=1.0))
    carer = town.begin_shift()
    town.publish(carer, 1, [VISIT])
    (grant,) = town.grants(carer)
    opening, command = _sent(town, carer, grant)
    town.hear("lock-1", list(_said(town, command).items()))
    assert _now(town, opening).state == "jammed"
    assert town.events("door.opened") == []


def test_another_key_than_the_grants_releases_nothing(town: Town) -> None:
    carer, grant = _ready(town)
    opening = _tap(town, carer)
    challenge = _challenge(town, opening)
    thief = replace(carer, key=HolderKey.seeded("thief"))
    with pytest.raises(ProofError) as refused:
        _prove(town, opening, thief, grant, challenge)
    assert refused.value.code == "proof_other_key"
    assert _now(town, opening).state == "challenged"


def test_a_grant_for_another_visit_releases_nothing(town: Town) -> None:
    carer, _ = _ready(town)
    town.publish(carer, 2, [VISIT, stop("visit-2", "door-1", 60)])
    other = next(grant for grant in town.grants(carer) if grant.visit_id == "visit-2")
    opening = _tap(town, carer)
    with pytest.raises(OpeningError) as refused:
        _prove(town, opening, carer, other, _challenge(town, opening))
    assert refused.value.code == "grant_not_for_opening"


def test_a_grant_revoked_between_tap_and_proof_is_refused_as_blocked(town: Town) -> None:
    carer, grant = _ready(town)
    opening = _tap(town, carer)
    challenge = _challenge(town, opening)
    with town.units.begin() as work:
        revoke_shift(work, carer.shift_id)
    outcome = _prove(town, opening, carer, grant, challenge)
    assert (outcome.opening.state, outcome.opening.code) == ("refused", "epoch_revoked")
    assert outcome.command is None
    assert _tap(town, carer).code == "epoch_revoked"


def test_a_challenge_of_another_opening_is_not_taken(town: Town) -> None:
    carer, _ = _ready(town)
    first, second = _tap(town, carer), _tap(town, carer)
    challenge = _challenge(town, first)
    with pytest.raises(OpeningError), town.units.begin() as work:
        openings.challenged(work, second.opening_id, challenge, town.wall_s())
    with pytest.raises(OpeningError), town.units.begin() as work:
        openings.challenge_came(work, second, challenge, town.wall_s())
    assert _now(town, second).state == "requested"


def test_a_challenge_that_comes_after_the_sweeper_or_a_second_time_changes_nothing(town: Town) -> None:
    carer, _ = _ready(town)
    swept, kept = _tap(town, carer), _tap(town, carer)
    challenge = _challenge(town, kept)
    with town.units.begin() as work:
        again = openings.challenge_came(work, kept, replace(challenge, nonce=bytes(16)), town.wall_s())
    assert (again.state, again.nonce) == ("challenged", challenge.nonce)

    tapped_s = town.wall_s()
    town.pass_s(5.5)
    _sweep(town)
    with town.units.begin() as work:
        of_swept = replace(challenge, request=openings.request_id(swept.opening_id))
        # Judged by the instant it arrived here: the row says that its time is over.
        late = openings.challenge_came(work, swept, of_swept, tapped_s)
    assert (late.state, late.nonce) == ("expired", None)
    assert _now(town, swept) == late


@pytest.mark.parametrize("batches", [[["answer", "evt"]], [["answer"], ["evt"]]], ids=["together", "in turn"])
def test_an_answer_and_its_event_ask_for_the_rows_of_their_opening_once(town: Town, batches: list[list[str]]) -> None:
    carer, grant = _ready(town)
    _, command = _sent(town, carer, grant)
    said, asked = _said(town, command), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(" ".join(statement.split()))

    listen(town.database.engine, "before_cursor_execute", note)
    for names in batches:
        town.inbox.accept([town.incoming("lock-1", name, said[name]) for name in names])
    remove(town.database.engine, "before_cursor_execute", note)

    questions = [statement for statement in asked if statement.startswith("SELECT")]
    assert sum(" FROM opening" in question for question in questions) == 1
    assert sum("door_grant" in question for question in questions) == 1
    assert sum(" FROM lock_device" in question for question in questions) == len(batches)
    assert sum(statement.startswith("INSERT INTO door_opened") for statement in asked) == 1
    assert len(town.events("door.opened")) == 1


def test_what_the_carer_sees_is_kept_beside_the_locks_word(town: Town) -> None:
    carer, grant = _ready(town)
    opening, command = _sent(town, carer, grant)
    town.pass_s(11)
    _sweep(town)
    with town.units.begin() as work:
        seen = openings.observe(work, opening.opening_id, "open")
    assert (seen.state, seen.observation) == ("unknown", "open")
    town.hear("lock-1", list(_said(town, command).items()))
    assert _now(town, opening).observation == "open"
    assert _now(town, opening).by_lock


def test_a_lock_that_lost_its_clock_is_not_tried_until_it_has_been_told_the_time(town: Town) -> None:
    carer, grant = _ready(town)
    said = {name: (name, body) for name, body, _ in town.locks["lock-1"].change_battery()}
    town.inbox.accept([town.incoming("lock-1", *said["birth"])])
    assert _tap(town, carer).code == "clock_unsure"
    town.hear("lock-1", [said["time"], said["evt"]])
    opening, command = _sent(town, carer, grant)
    town.hear("lock-1", list(_said(town, command).items()))
    assert _now(town, opening).state == "unlocked"


def test_a_page_that_is_loaded_again_finds_the_last_tap_of_its_shift(town: Town) -> None:
    carer, _ = _ready(town)
    _tap(town, carer)
    town.pass_s(20)
    last = _tap(town, carer)
    with town.database.reading() as session:
        found = openings.latest_opening(session, VISIT.visit_id, carer.shift_id)
        assert openings.latest_opening(session, VISIT.visit_id, "another-shift") is None
    assert found is not None
    assert found.opening_id == last.opening_id


def test_an_opening_that_does_not_exist_is_not_found(town: Town) -> None:
    with pytest.raises(KernelError) as missing, town.units.begin() as work:
        openings.observe(work, new_id(), "locked")
    assert missing.value.code == "not_found"


def _sweep(town: Town) -> list[tuple[str, str]]:
    with town.units.begin() as work:
        return [(o.opening_id, o.state) for o in opening_steps.expire_due(work, town.wall_s())]
