"""TURN credentials as coturn checks them."""

import base64
import hashlib
import hmac

from video.ice import LIFE_S, IceServer, ice_servers, turn_credentials


def test_a_credential_is_the_hmac_of_its_own_end_time() -> None:
    username, credential = turn_credentials("north wind", "call", 1_764_000_000.7)

    assert username == f"{1_764_000_000 + LIFE_S}:call"
    digest = hmac.new(b"north wind", username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(credential) == digest


def test_a_page_gets_stun_as_given_and_turn_with_a_credential() -> None:
    stun, turn = ice_servers(["stun:a:3478"], ["turn:a:3478?transport=udp", "turn:b:3478"], "secret", 1_000.0)

    assert stun == IceServer(("stun:a:3478",))
    assert turn.urls == ("turn:a:3478?transport=udp", "turn:b:3478")
    assert turn.username == f"{1_000 + LIFE_S}:call"
    assert turn.credential


def test_turn_without_a_secret_is_not_offered_at_all() -> None:
    assert ice_servers([], ["turn:a:3478"], None, 1_000.0) == ()
