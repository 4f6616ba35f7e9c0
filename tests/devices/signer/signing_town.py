"""The signer's inside on a town's log, started anew for each question."""

from collections.abc import Sequence
from contextlib import closing

from devices.keys.cose import MessageKind, Trust
from devices.keys.signer.model import MintRequest, MintResult
from tests.devices.keys_store.town import Town


def minted(town: Town, requests: Sequence[MintRequest]) -> list[MintResult]:
    """What a signer that has just started makes of some requests."""
    with closing(town.minter()) as minter:
        return minter.mint(requests)


def issuer_trust(town: Town) -> Trust:
    """The issuer's key as a lock would pin it."""
    return Trust.of({MessageKind.GRANT: [town.issuer_key.verifying_key]})
