"""ICE servers of a call: STUN as given, TURN with short-lived credentials.

The credentials are those of coturn's ``use-auth-secret`` (draft-uberti-behave-turn-rest-00): the user name is the
second since the epoch at which they end, the password its HMAC-SHA1. coturn checks them when a relay is asked
for, so a call outlives them; a page asks for new ones before it restarts ICE (video facts §6).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

LIFE_S = 600


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of ``RTCConfiguration.iceServers``."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


def turn_credentials(secret: str, label: str, wall_s: float, life_s: int = LIFE_S) -> tuple[str, str]:
    """User name and password for a TURN server.

    Parameters
    ----------
    label
        Goes into the server's log beside the end time: nothing that names anybody.
    wall_s
        Seconds since the epoch; clocks of both machines have to agree.
    """
    username = f"{int(wall_s) + life_s}:{label}"
    # SHA-1 is what the TURN servers' scheme asks for; as an HMAC key it is sound.
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def ice_servers(
    stun_urls: Sequence[str], turn_urls: Sequence[str], turn_secret: str | None, wall_s: float
) -> tuple[IceServer, ...]:
    """What a page gives its peer connection. TURN without a secret is left out: nobody would be let in."""
    servers = [IceServer(tuple(stun_urls))] if stun_urls else []
    if turn_urls and turn_secret:
        username, credential = turn_credentials(turn_secret, "call", wall_s)
        servers.append(IceServer(tuple(turn_urls), username, credential))
    return tuple(servers)
