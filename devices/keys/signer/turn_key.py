"""``python -m devices.keys.signer.turn_key``: replace the issuer key by hand, for example when it may be stolen.

The running signer notices within a second; the gateway then sends every lock its new trust list.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.keys.signer.keyring import GRANT_LIFE, Keyring, KeyringError
from devices.keys.signer.model import FURTHEST_AHEAD


def main(arguments: list[str] | None = None, now: datetime | None = None) -> int:
    """Take one step; 0 if it was taken, 1 with the reason if it cannot be."""
    parser = argparse.ArgumentParser(prog="devices.keys.signer.turn_key", description="Replaces the issuer key.")
    parser.add_argument("step", choices=("announce", "switch", "drop", "show"))
    parser.add_argument("--key-file", required=True, type=Path)
    parser.add_argument("--issuer", default="omsorgstid")
    parser.add_argument("--at-once", action="store_true", help="do not wait: the old key may be stolen")
    given = parser.parse_args(arguments)
    at = now or datetime.now(UTC)
    ring = Keyring(given.key_file, given.issuer, at)
    believed_for = timedelta(0) if given.at_once else FURTHEST_AHEAD + GRANT_LIFE
    try:
        match given.step:
            case "announce":
                ring.announce(at)
            case "switch":
                ring.switch(at, believed_for, at_once=given.at_once)
            case "drop":
                ring.drop(at, at_once=given.at_once)
    except KeyringError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    sys.stdout.write(f"present {ring.present.kid.hex()}, trust list {ring.version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
