"""The message catalogue: every sentence of a page, in Danish and English, out of templates and scripts."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["da", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
MESSAGES_FOLDER = Path(__file__).with_name("messages")
_FACT = re.compile(r"\{(\w+)\}")


class Catalogue:
    """Messages by key for each language, merged from ``<surface>.<language>.json``.

    A key may have a form for one: ``x.one`` is used instead of ``x`` when the fact ``n`` is 1. Facts are
    named in braces. Scripts follow the same two rules (``static/shared/messages.js``).

    Raises
    ------
    ValueError
        If a key stands in two files, lacks a language or names other facts in one language than in the other.
    """

    def __init__(self, folder: Path) -> None:
        self._texts: dict[Language, dict[str, str]] = {language: {} for language in LANGUAGES}
        for path in sorted(folder.glob("*.json")):
            self._merge(path)
        self._check()

    def text(self, language: Language, key: str, **facts: object) -> str:
        """The sentence of a key, its facts filled in.

        Raises
        ------
        KeyError
            If the key or one of its facts is missing: a page without its words is a fault, not a style.
        """
        texts = self._texts[language]
        if facts.get("n") == 1 and f"{key}.one" in texts:
            key = f"{key}.one"
        return _FACT.sub(lambda found: str(facts[found[1]]), texts[key])

    def subset(self, language: Language, *prefixes: str) -> Mapping[str, str]:
        """The messages whose keys begin with one of the prefixes, to hand to a script."""
        return {key: text for key, text in self._texts[language].items() if key.startswith(prefixes)}

    def keys(self) -> frozenset[str]:
        """Every key."""
        return frozenset(self._texts["da"])

    def _merge(self, path: Path) -> None:
        language = path.suffixes[0].removeprefix(".")
        if language not in LANGUAGES:
            raise ValueError(f"Expected <surface>.<da|en>.json, got {path.name}.")
        texts = self._texts[language]
        for key, text in json.loads(path.read_text(encoding="utf-8")).items():
            if key in texts:
                raise ValueError(f"Expected one text per key, got {key!r} again in {path.name}.")
            texts[key] = text

    def _check(self) -> None:
        danish, english = self._texts["da"], self._texts["en"]
        if danish.keys() != english.keys():
            raise ValueError(f"Expected both languages, got only one for {sorted(danish.keys() ^ english.keys())}.")
        for key, text in danish.items():
            if set(_FACT.findall(text)) != set(_FACT.findall(english[key])):
                raise ValueError(f"Expected the same facts in both languages, got others for {key!r}.")


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The messages of this installation."""
    return Catalogue(MESSAGES_FOLDER)
