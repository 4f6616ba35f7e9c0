"""``python -m devices.keys.signer``: the signer with its settings as arguments."""

import argparse
import gc
import os
from pathlib import Path

from devices.keys.signer.model import Quotas, SignerSettings
from devices.keys.signer.server import serve_signer


def settings_from(arguments: list[str] | None = None) -> SignerSettings:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="devices.keys.signer", description="Mints door grants.")
    parser.add_argument("--address", required=True, help="unix:/path or tcp:127.0.0.1:PORT")
    parser.add_argument("--database-url", required=True, help="the event log; opened for reading only")
    parser.add_argument("--key-file", required=True, type=Path, help="issuer key, made on the first start")
    parser.add_argument("--secret-file", required=True, type=Path, help="secret shared with the gateway")
    parser.add_argument("--log-file", required=True, type=Path, help="the signer's own log, JSON lines")
    parser.add_argument("--issuer", default="omsorgstid")
    parser.add_argument("--per-carer", type=int, default=Quotas().per_carer, help="grants per carer and hour")
    parser.add_argument("--per-unit", type=int, default=Quotas().per_unit, help="grants per unit and hour")
    parser.add_argument("--clock", choices=("system", "log"), default="system")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the parent process is gone")
    given = parser.parse_args(arguments)
    return SignerSettings(
        address=given.address,
        database_url=given.database_url,
        key_file=given.key_file,
        secret_file=given.secret_file,
        log_file=given.log_file,
        issuer=given.issuer,
        quotas=Quotas(given.per_carer, given.per_unit),
        clock=given.clock,
        parent_pid=os.getppid() if given.end_with_parent else None,
    )


if __name__ == "__main__":
    # What was loaded stays to the end: neither a collection nor the end itself has to walk through it.
    gc.freeze()
    serve_signer(settings_from())
