"""Keys live in files for their owner only, and each speaks for its own kind of message."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.keys.cose import MessageKind, SigningKey, server_trust, sign, verify
from devices.keys.errors import SignatureError
from devices.keys.signing import (
    KeyFileError,
    load_or_create_key,
    load_or_create_secret,
    load_public_key,
)


def test_a_key_is_made_once_for_its_owner_only_and_its_public_half_exported(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "issuer"
    key = load_or_create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_or_create_key(path).public_bytes == key.public_bytes
    assert load_public_key(path.with_name("issuer.pub")) == key.verifying_key
    assert key.private_bytes().hex() not in path.with_name("issuer.pub").read_text()


def test_several_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: load_or_create_secret(tmp_path / "secret"), range(32)))
    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"], "nothing half written is left behind"


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "issuer"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="owner only"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", ["", "abcd", "zz" * 32, "00" * 33])
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "issuer"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="issuer"):
        load_or_create_key(path)


def test_the_gateways_key_signs_everything_that_serves_a_lock_and_no_grant() -> None:
    issuer, service = SigningKey.generate(), SigningKey.generate()
    trust = server_trust([issuer.verifying_key], [service.verifying_key])
    for kind in (MessageKind.ACK, MessageKind.CRL, MessageKind.CFG, MessageKind.TIME):
        assert verify(kind, sign(kind, b"served", service), trust) == b"served"
    assert verify(MessageKind.GRANT, sign(MessageKind.GRANT, b"grant", issuer), trust) == b"grant"
    with pytest.raises(SignatureError):
        verify(MessageKind.GRANT, sign(MessageKind.GRANT, b"grant", service), trust)
