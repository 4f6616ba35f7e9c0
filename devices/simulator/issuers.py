"""Whose grants a simulated lock believes now: pinned at enrolment, then as the newest trust list says."""

from devices.keys.cose import MessageKind, Trust, signer_of
from devices.keys.errors import GrantError
from devices.keys.grant import Grant, read_grant
from devices.keys.trust_list import TrustList, grant_trust


class IssuerBook:
    """Non-volatile: survives starts and battery changes.

    Parameters
    ----------
    pinned
        What was exchanged at enrolment (:func:`devices.keys.cose.server_trust`).
    """

    def __init__(self, pinned: Trust) -> None:
        self._pinned = pinned
        self._list: TrustList | None = None
        self.trust = pinned
        """Keys believed now, for every kind of message."""

    @property
    def version(self) -> int:
        """Version of the newest list, 0 as enrolled."""
        return 0 if self._list is None else self._list.version

    @property
    def own(self) -> str | None:
        """Name of the own administration's issuer, ``None`` as enrolled: then there is no other."""
        return None if self._list is None else self._list.own

    def accept(self, told: TrustList) -> bool:
        """Take over a verified list; an older or equal version changes nothing."""
        if told.version <= self.version:
            return False
        self._list = told
        self.trust = grant_trust(self._pinned, told)
        return True

    def read_grant(self, token: bytes) -> Grant:
        """A grant of an issuer that is believed, under that issuer's own name.

        Raises
        ------
        SignatureError, GrantError
            As :func:`devices.keys.grant.read_grant`; ``grant_malformed`` where one issuer speaks as another.
        """
        grant = read_grant(token, self.trust)
        if self._list is None:
            return grant
        name = self._list.name_of(signer_of(MessageKind.GRANT, token))
        if grant.iss != name:
            raise GrantError("grant_malformed", claim="iss", expected=str(name), found=grant.iss[:80])
        return grant
