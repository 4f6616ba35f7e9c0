"""``omsorgstid verify`` on the database of the settings: reads, reports, and notes that somebody looked."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import ClassVar

from devices.keys.signing import KeyFileError, load_public_key
from gateway.migrations import migrate
from gateway.settings import Settings
from gateway.verify import Wanted, remember, verify
from kernel.clock import SystemWorldClock
from kernel.database import Database
from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.work import UnitsOfWork


class VerifyError(DomainError):
    """What keeps a verification from beginning."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "verify_day": ErrorText(
            ErrorKind.INVALID, "Skriv dagen som ÅÅÅÅ-MM-DD, ikke {found}.", "Write the day as YYYY-MM-DD, not {found}."
        ),
        "verify_key": ErrorText(
            ErrorKind.INVALID,
            "Den offentlige revisionsnøgle mangler eller kan ikke læses: {path}. Angiv den med --key.",
            "The public audit key is missing or cannot be read: {path}. Give it with --key.",
        ),
        "verify_folder": ErrorText(
            ErrorKind.NOT_FOUND, "Mappen {path} findes ikke.", "The folder {path} does not exist."
        ),
    }


def verify_database(
    settings: Settings, from_: str | None, to: str | None, folder: Path | None, key: Path | None
) -> tuple[list[str], int]:
    """Verify, and keep that it was done. Returns the report's lines and how many faults there are.

    Raises
    ------
    VerifyError
        ``verify_day``, ``verify_key`` or ``verify_folder``.
    """
    path = key or settings.work_dir / "audit.key.pub"
    try:
        public_key = load_public_key(path).public_bytes
    except (OSError, KeyFileError) as err:
        raise VerifyError("verify_key", path=path) from err
    if folder is not None and not folder.is_dir():
        raise VerifyError("verify_folder", path=folder)
    own = settings.work_dir / "seals"
    wanted = Wanted(public_key, _day(from_), _day(to), folder or (own if own.is_dir() else None))
    database = Database(settings.database_url)
    try:
        migrate(database)
        with database.reading() as session:
            verified = verify(session, wanted)
        with UnitsOfWork(database, SystemWorldClock()).begin() as work:
            remember(work, verified)
    finally:
        database.dispose()
    return verified.lines(), len(verified.faults)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as err:
        raise VerifyError("verify_day", found=text) from err
