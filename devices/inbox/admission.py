"""Who may say what: the topic, the tenant and the registry, before anything of a message is read."""

from collections.abc import Mapping

from devices.inbox.model import Handler, Incoming, Known, Reason, Refused


class Admission:
    """Of one tenant.

    Parameters
    ----------
    handlers
        ``(kind, name)`` to handler, for example ``("lock", "evt")``.
    """

    def __init__(self, tenant: str, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self._tenant = tenant
        self._handlers = dict(handlers)

    def judge(self, incoming: Incoming, known: Mapping[str, Known]) -> Handler | Refused:
        """The handler of a message, or why nobody reads it."""
        try:
            return self.handler_of(incoming, known)
        except Refused as refused:
            return refused

    def handler_of(self, incoming: Incoming, known: Mapping[str, Known]) -> Handler:
        """The handler of a message.

        Parameters
        ----------
        known
            What the registry knows of senders, by device.

        Raises
        ------
        Refused
            ``unknown_topic``, ``foreign_tenant`` or ``unknown_device``.
        """
        if not incoming.kind:
            raise Refused(Reason.UNKNOWN_TOPIC, "omsorgstid/v1/{tenant}/{kind}/{id}/up/{name}", incoming.name)
        if incoming.tenant != self._tenant:
            raise Refused(Reason.FOREIGN_TENANT, f"tenant {self._tenant}", f"tenant {incoming.tenant}")
        handler = self._handlers.get((incoming.kind, incoming.name))
        if handler is None:
            names = ", ".join(sorted("/".join(pair) for pair in self._handlers))
            raise Refused(Reason.UNKNOWN_TOPIC, f"one of {names}", f"{incoming.kind}/{incoming.name}")
        self._require_enrolled(incoming, known.get(incoming.device_id))
        return handler

    def kind_label(self, kind: str) -> str:
        """A kind we know, or ``unknown``: the event log takes no words from strangers."""
        return kind if any(kind == known for known, _ in self._handlers) else "unknown"

    def _require_enrolled(self, incoming: Incoming, sender: Known | None) -> None:
        if sender is None:
            raise Refused(Reason.UNKNOWN_DEVICE, "an enrolled device", "a device nobody enrolled")
        if sender.tenant != self._tenant:
            raise Refused(Reason.FOREIGN_TENANT, f"a device of {self._tenant}", "a device of another tenant")
        if sender.retired:
            raise Refused(Reason.UNKNOWN_DEVICE, "an enrolled device", "a retired device")
        if sender.kind != incoming.kind:
            raise Refused(Reason.UNKNOWN_DEVICE, f"a {incoming.kind}", f"an enrolled {sender.kind}")
