"""A thousand odd messages over a real broker into the whole inbox, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.inbox.model import Incoming, Reason
from devices.keys.chain import ChainEvent, genesis, sign_event
from devices.keys.messages import EventBatch, LoggedEvent
from devices.keys.schemas import LockEnrolment
from devices.keys.service import mount_locks
from devices.registry.model import DeviceKind
from devices.registry.service import Enrolment, enrol
from gateway.runtime import Duties, Runtime
from gateway.settings import DatabaseSettings, Settings
from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from loadtests.soak.fuzz_wire import fuzz_over_the_broker
from loadtests.soak.readers import KEY, NOW_AT

MESSAGES = 1_000


@pytest.fixture
def ingest(database: Database, tmp_path: Path) -> Iterator[Runtime]:
    """An ingest process on a migrated database of each make, with a broker of its own."""
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(work_dir=tmp_path / "work", demo=True, database=DatabaseSettings(url=url))
    runtime = Runtime(settings, Duties(web=False, work=False, signer=False), clock=SimulatedWorldClock(NOW_AT))
    runtime.start()
    yield runtime
    runtime.stop()


def test_every_odd_message_is_taken_in_or_kept_with_a_reason_and_none_is_lost(ingest: Runtime) -> None:
    found = fuzz_over_the_broker(ingest, MESSAGES)

    assert found.settled == found.sent == MESSAGES
    assert found.missing == []
    assert found.not_accepted == []
    assert found.outcomes["broken_payload"] > MESSAGES / 2


def _event_of(lock_id: str, **changes: str) -> bytes:
    draft = ChainEvent(
        lock=lock_id,
        boot=1,
        seq=1,
        ts_at=NOW_AT,
        uptime_ms=1,
        type=changes.get("type", "door_ajar"),
        cti=None,
        result=changes.get("result"),
        battery_mv=5_900,
        prev=genesis(lock_id),
        commitment=None,
    )
    return EventBatch((LoggedEvent(sign_event(draft, KEY).raw),)).encode()


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
@pytest.mark.parametrize("field", ["type", "result"])
def test_text_no_database_stores_is_kept_with_a_reason_and_what_came_with_it_goes_in(
    ingest: Runtime, text: str, field: str
) -> None:
    tenant = ingest.settings.mqtt.tenant
    with ingest.units.begin() as work:
        enrol(work, tenant, [Enrolment(DeviceKind.LOCK, "unit", device_id=name) for name in ("odd", "good")])
        mount_locks(work, [LockEnrolment(name, f"door-{name}", "unit", KEY.public_bytes) for name in ("odd", "good")])
    payloads = {"odd": _event_of("odd", **{field: text}), "good": _event_of("good")}

    accepted = ingest.inbox.accept(
        [Incoming(tenant, "lock", name, "evt", payload, NOW_AT) for name, payload in payloads.items()]
    )

    assert [setback.reason for setback in accepted.quarantined] == [Reason.BAD_SIGNATURE]
    assert accepted.accepted == 1
