"""What can go wrong between the gateway and the signer."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class SignerError(DomainError):
    """No answer from the signer. A *refused* grant is an answer and not an error."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "signer_unavailable": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Nye dørtilladelser kan ikke udstedes lige nu. Prøv igen om lidt. Dem på tabletten virker.",
            "New door grants cannot be issued right now. Try again in a moment. Those on the tablet work.",
        ),
        "signer_not_authorised": ErrorText(
            ErrorKind.FORBIDDEN,
            "Underskriveren og serveren har ikke den samme fælles hemmelighed. Kontrollér hemmelighedsfilen.",
            "Signer and server do not share the same secret. Check the secret file.",
        ),
        "signer_protocol": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Underskriveren svarede noget, serveren ikke forstår: {found}.",
            "The signer answered something the server does not understand: {found}.",
        ),
    }
