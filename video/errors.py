"""What can go wrong with a screen visit, said so that a carer or a citizen knows what to do."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class CallError(DomainError):
    """Errors of calls."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "not_a_screen_visit": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er ikke et skærmbesøg. Kør ud til borgeren, eller ring til planlæggeren.",
            "The visit is not a screen visit. Go to the citizen or call the planner.",
        ),
        "not_your_call": ErrorText(
            ErrorKind.FORBIDDEN,
            "Besøget er ikke på din rute. Se ruten igen, eller ring til planlæggeren.",
            "The visit is not on your route. Look at the route again or call the planner.",
        ),
        "screen_consent_missing": ErrorText(
            ErrorKind.FORBIDDEN,
            "Borgeren har ikke sagt ja til skærmbesøg. Ring på telefon, eller bed planlæggeren om et fysisk besøg.",
            "The citizen has not agreed to screen visits. Call by telephone or ask the planner for a physical visit.",
        ),
        "call_shift_not_begun": ErrorText(
            ErrorKind.CONFLICT,
            "Start vagten, før du ringer op.",
            "Start the shift before you call.",
        ),
        "call_concluded": ErrorText(
            ErrorKind.CONFLICT,
            "Skærmbesøget er afsluttet.",
            "The screen visit has ended.",
        ),
        "call_not_ringing": ErrorText(
            ErrorKind.CONFLICT,
            "Der bliver ikke ringet lige nu. Vent – vi ringer selv igen.",
            "Nobody is calling right now. Wait – we call again ourselves.",
        ),
        "answered_elsewhere": ErrorText(
            ErrorKind.CONFLICT,
            "Opkaldet er besvaret på en anden skærm.",
            "The call was answered on another screen.",
        ),
        "auto_answer_not_allowed": ErrorText(
            ErrorKind.FORBIDDEN,
            "Vi svarer ikke for borgeren nu. Tryk Svar.",
            "We do not answer for the citizen now. Press Answer.",
        ),
        "citizen_has_answered": ErrorText(
            ErrorKind.CONFLICT,
            "Borgeren har svaret på opkaldet. Vælg et andet resultat end Intet svar.",
            "The citizen answered the call. Choose another outcome than No answer.",
        ),
        "nobody_has_answered": ErrorText(
            ErrorKind.CONFLICT,
            "Ingen har svaret på opkaldet. Vælg et andet resultat, eller ring op igen.",
            "Nobody answered the call. Choose another outcome or call again.",
        ),
        "call_outcome_missing": ErrorText(
            ErrorKind.CONFLICT,
            "Der er ringet op til besøget. Åbn skærmbesøget, og vælg dér, hvordan det gik.",
            "There was a call for this visit. Open the screen visit and choose there how it went.",
        ),
        "room_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Der er ikke ringet op til det besøg.",
            "There has been no call for that visit.",
        ),
    }
