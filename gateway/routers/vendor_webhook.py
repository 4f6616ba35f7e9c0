"""A vendor's cloud tells us its log. No session: whoever calls is known by the signature under the bytes."""

from typing import Annotated

from fastapi import Depends, Header, Request

from devices.keys.vendors.cloud_wire import MAX_WEBHOOK_BYTES
from gateway.auth import public
from gateway.deps import PartsDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.usecases.vendor_doors import take_webhook

router = Router(prefix="/api/v1/vendors", tags=["vendors"])
Signed = Annotated[str, Header(max_length=128)]


async def signed_bytes(request: Request) -> bytes:
    """The body as it was signed, and not a byte more than may be."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MAX_WEBHOOK_BYTES:
            raise EdgeError(
                413,
                "webhook_too_large",
                f"Beskeden er for stor: højst {MAX_WEBHOOK_BYTES} byte.",
                f"The message is too large: at most {MAX_WEBHOOK_BYTES} bytes.",
            )
    return bytes(content)


@router.post("/{vendor}/events", dependencies=[Depends(public)])
def events(
    vendor: str,
    parts: PartsDep,
    body: Annotated[bytes, Depends(signed_bytes)],
    x_vendor_timestamp: Signed = "",
    x_vendor_delivery: Signed = "",
    x_vendor_signature: Signed = "",
) -> dict[str, int]:
    """Log entries, in any order and as often as the vendor likes; each counts once."""
    return {"new": take_webhook(parts, vendor, x_vendor_timestamp, x_vendor_delivery, x_vendor_signature, body)}
