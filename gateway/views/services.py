"""Names of services for people. A code without a name is shown as it is, never hidden."""

NAMES = {
    "personal_care": ("Personlig pleje", "Personal care"),
    "nursing": ("Sygepleje", "Nursing"),
    "medicine": ("Medicin", "Medicine"),
    "practical": ("Praktisk hjælp", "Practical help"),
    "supervision": ("Tilsyn", "Check-in"),
}
TASKS = {
    "personal_care": (("Hjælp til bad", "Help with bath"), ("Støttestrømper på", "Support stockings on")),
    "nursing": (("Sårpleje", "Wound care"), ("Mål blodtryk", "Measure blood pressure")),
    "medicine": (("Giv medicin", "Give medicine"),),
    "practical": (("Gør rent i køkkenet", "Clean the kitchen"),),
    "supervision": (("Se til borgeren", "Look in on the citizen"),),
}


def service_name(code: str, language: str = "da") -> str:
    """The name of a service."""
    da, en = NAMES.get(code, (code, code))
    return da if language == "da" else en


def tasks(code: str, language: str = "da") -> list[str]:
    """What is usually done on a visit of this service."""
    return [da if language == "da" else en for da, en in TASKS.get(code, ())]
