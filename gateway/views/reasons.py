"""Why a route was changed, in words. What is not a code was typed by a person and is shown as typed."""

_WORDS = {
    "illness": ("Sygdom", "Illness"),
    "delay": ("Forsinkelse", "Delay"),
    "door": ("Døren kunne ikke åbnes", "The door could not be opened"),
    "wish": ("Borgerens ønske", "The citizen's wish"),
    "competence": ("Kompetence", "Competence"),
    "other": ("Andet", "Other"),
}


def reason_words(reason: str, language: str) -> str:
    """The words of a reason."""
    da, en = _WORDS.get(reason, (reason, reason))
    return da if language == "da" else en
