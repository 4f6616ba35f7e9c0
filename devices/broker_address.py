"""Where a broker listens, and how both ends prove who they are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificates of a mutually authenticated connection, PEM."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker listens and how to prove who we are."""

    host: str
    port: int
    tls: TlsFiles | None = None
    username: str | None = None
    password: str | None = None
