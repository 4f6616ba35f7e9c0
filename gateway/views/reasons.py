"""Why a route was changed, in words. What is not a code was typed by a person and is shown as typed."""

_WORDS = {
    "illness": ("Sygdom", "Illness"),
    "delay": ("Forsinkelse", "Delay"),
    "door": ("Døren kunne ikke åbnes", "The door could not be opened"),
    "wish": ("Borgerens ønske", "The citizen's wish"),
    "competence": ("Kompetence", "Competence"),
    "other": ("Andet", "Other"),
    "carer_left": ("En kollega er stoppet", "A colleague has left"),
    "citizen_hospital": ("Borgeren er indlagt", "The citizen is in hospital"),
    "citizen_away": ("Borgeren er bortrejst", "The citizen is away"),
    "citizen_home": ("Borgeren er hjemme igen", "The citizen is home again"),
}


def reason_words(reason: str, language: str) -> str:
    """The words of a reason."""
    da, en = _WORDS.get(reason, (reason, reason))
    return da if language == "da" else en
