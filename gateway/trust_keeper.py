"""Sees to it that every lock gets the newest list of issuers: after a key was replaced, or a stairwell was shared.

The signer says by its version whether locks need a list at all, and signs one for each lock; the gateway only keeps
and carries them. A lock that is away gets its list at its next birth, or from a tablet.
"""

from threading import Event, Thread

import structlog

from devices.keys.signer.client import SignerClient
from devices.keys.signer.errors import SignerError
from devices.keys.trust_store import keep_trust, locks_without_trust, present_trust, void_grants
from gateway.parts import Parts

log = structlog.get_logger(__name__)

LOOK_S = 10.0
_AT_ONCE = 500


class TrustKeeper:
    """Looks every ten seconds of link time; nothing is done while the signer's version is 0."""

    def __init__(self, parts: Parts, signer: SignerClient) -> None:
        self._parts = parts
        self._signer = signer
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = Thread(target=self._run, name="trust-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the look under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def look(self) -> int:
        """Fetch, keep and send what locks lack; how many lists that were.

        Raises
        ------
        SignerError
            If the signer cannot be asked.
        """
        version = self._signer.status().trust_version
        if version == 0:
            return 0
        sent = voided = 0
        while lacking := self._lacking(version):
            lists = self._signer.trust_lists(lacking)
            with self._parts.units.begin() as work:
                keep_trust(work, lists)
                voided += void_grants(work, lists)
                outgoing = present_trust(work.session, lacking)
            self._parts.doors.send(outgoing)
            sent += len(outgoing)
            if min(each.version for each in lists) < version:
                break  # the signer was set back meanwhile: look again later
        if sent:
            log.info("trust_lists_sent", lists=sent, grants_voided=voided, version=version)
        return sent

    def _lacking(self, version: int) -> list[str]:
        with self._parts.database.reading() as session:
            return locks_without_trust(session, version, _AT_ONCE)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.look()
            except SignerError as err:
                log.info("trust_lists_not_fetched", code=err.code)
            except Exception:  # whatever it is, the next look is in ten seconds
                log.exception("trust_lists_not_sent")
