"""Text in the letters a printed paper has: the fonts are those every PDF reader brings."""

import unicodedata

_NEAREST = str.maketrans(
    {
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "„": '"',
    }
)


def letters(text: str) -> str:
    """The text in letters the fonts have."""
    found = []
    for letter in text.translate(_NEAREST):
        try:
            letter.encode("latin-1")
        except UnicodeEncodeError:
            plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
            found.append(plain.encode("latin-1", "replace").decode("latin-1"))
        else:
            found.append(letter)
    return "".join(found)
