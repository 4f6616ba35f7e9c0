"""Why a route was changed, in words. What is not a code was typed by a person and is shown as typed."""

_WORDS = {
    "illness": ("Sygdom", "Illness"),
    "delay": ("Forsinkelse", "Delay"),
    "door": ("Døren kunne ikke åbnes", "The door could not be opened"),
    "wish": ("Borgerens ønske", "The citizen's wish"),
    "competence": ("Kompetence", "Competence"),
    "other": ("Andet", "Other"),
    "pattern_changed": ("Grundplanen er ændret", "The weekly plan has changed"),
    "carer_absent": ("Fravær", "Absence"),
    "carer_left": ("En kollega er stoppet", "A colleague has left"),
    "citizen_hospital": ("Borgeren er indlagt", "The citizen is in hospital"),
    "citizen_away": ("Borgeren er bortrejst", "The citizen is away"),
    "citizen_home": ("Borgeren er hjemme igen", "The citizen is home again"),
    "longer": ("Et besøg trak ud", "A visit took longer"),
    "urgent": ("Akut besøg", "Urgent visit"),
    "swap": ("Byttet", "Swapped"),
    "lend": ("Hjælp til naboenheden", "Help for the neighbouring unit"),
    "to_screen": ("Besøget holdes på skærm", "The visit is made by screen"),
    "to_physical": ("Besøget er fysisk igen", "The visit is physical again"),
    "accepted": ("Du sagde ja til besøget", "You accepted the visit"),
    "undone": ("Ændringen er fortrudt", "The change was undone"),
}


def reason_words(reason: str, language: str) -> str:
    """The words of a reason."""
    da, en = _WORDS.get(reason, (reason, reason))
    return da if language == "da" else en
