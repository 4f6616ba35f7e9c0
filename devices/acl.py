"""Who may say what at the broker: mosquitto's access file, written from the registry, deny by default.

A device is one user with two lines: it writes below its own ``up`` and reads below its own ``dn``. The platform is
one user and has the reverse. Whoever is not named may do nothing. Client ids and user names of devices are their
``{kind}-{id}``; a broker that is configured as in ``deploy/mosquitto`` takes the name from the certificate.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from devices.registry.model import SPEAKING, DeviceState
from devices.registry.tables import DeviceRow

PLATFORM = "gateway"
"""User name of the platform's processes."""

_HEAD = f"""\
# Written by omsorgstid from the register of devices; what is changed here by hand is lost. Deny by default.
user {PLATFORM}
topic read omsorgstid/v1/+/+/+/up/#
topic write omsorgstid/v1/+/+/+/dn/#
# omsorgstid doctor publishes to itself and listens whether it comes back.
topic readwrite omsorgstid/v1/+/doctor/+/echo
"""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A device that may speak at the broker."""

    tenant: str
    kind: str
    device_id: str

    @property
    def user(self) -> str:
        """User name, client id and common name of its certificate."""
        return f"{self.kind}-{self.device_id}"


def speakers(session: Session) -> list[Speaker]:
    """Devices in use that speak MQTT, ordered by id. A retired one is not among them and is let in no more."""
    query = (
        select(DeviceRow.tenant, DeviceRow.kind, DeviceRow.device_id)
        .where(
            DeviceRow.state == DeviceState.ENROLLED.value,
            col(DeviceRow.kind).in_(sorted(kind.value for kind in SPEAKING)),
        )
        .order_by(col(DeviceRow.device_id))
    )
    return [Speaker(tenant, kind, device_id) for tenant, kind, device_id in session.exec(query)]


def acl_text(devices: Iterable[Speaker]) -> str:
    """The access file.

    Raises
    ------
    ValueError
        If an id holds a character that means something in a topic or in the file.
    """
    parts = [_HEAD]
    for device in devices:
        base = f"omsorgstid/v1/{device.tenant}/{device.kind}/{device.device_id}"
        if not device.device_id or any(sign in base for sign in "+#\n\r \x00") or base.count("/") != 4:
            raise ValueError(f"Expected an id without /, +, #, space or line end, got {device}.")
        parts.append(f"user {device.user}\ntopic write {base}/up/#\ntopic read {base}/dn/#\n")
    return "\n".join(parts)


def write_acl(path: Path, text: str) -> bool:
    """Put a text in place of the file in one step: the broker never reads half of it.

    Returns
    -------
    bool
        Whether the file changed. One that says the same already is not touched: the broker would read it again.
    """
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # Ids are random and no secret; the broker runs as somebody else.
        draft.chmod(0o644)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return True
