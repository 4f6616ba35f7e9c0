"""Every sentence exists in both languages, with the same facts, and is found."""

import json
import re
from pathlib import Path

import pytest

from gateway.web.assets import STATIC_FOLDER
from gateway.web.catalogue import LANGUAGES, Catalogue, catalogue
from gateway.web.render import TEMPLATES_FOLDER

#: keys named in full: t("x.y"), t('x.y'), has("x.y")
NAMED = re.compile(r"""\b(?:t|has)\(\s*["']([a-z_]+(?:\.[a-z0-9_]+)+)["'](?=\s*[,)])""")
KEYS = catalogue().keys()
CPR = re.compile(r"\b\d{6}-?\d{4}\b")


def write(folder: Path, name: str, texts: dict[str, str]) -> None:
    (folder / name).write_text(json.dumps(texts), encoding="utf-8")


def test_a_text_is_filled_with_its_facts_and_has_a_form_for_one(tmp_path: Path) -> None:
    for language in LANGUAGES:
        write(tmp_path, f"a.{language}.json", {"a.left": "{n} {what} left", "a.left.one": "one {what} left"})
    texts = Catalogue(tmp_path)

    assert texts.text("da", "a.left", n=3, what="visits") == "3 visits left"
    assert texts.text("da", "a.left", n=1, what="visit") == "one visit left"


def test_a_missing_fact_or_key_is_an_error_and_not_a_blank(tmp_path: Path) -> None:
    for language in LANGUAGES:
        write(tmp_path, f"a.{language}.json", {"a.at": "at {at}"})
    texts = Catalogue(tmp_path)

    with pytest.raises(KeyError):
        texts.text("da", "a.at")
    with pytest.raises(KeyError):
        texts.text("da", "a.other")


@pytest.mark.parametrize(
    ("danish", "english", "complaint"),
    [
        pytest.param({"a.x": "x"}, {}, "only one for", id="no English"),
        pytest.param({"a.x": "{n} x"}, {"a.x": "{m} x"}, "same facts", id="another fact"),
    ],
)
def test_languages_that_do_not_match_stop_the_start(
    tmp_path: Path, danish: dict[str, str], english: dict[str, str], complaint: str
) -> None:
    write(tmp_path, "a.da.json", danish)
    write(tmp_path, "a.en.json", english)

    with pytest.raises(ValueError, match=complaint):
        Catalogue(tmp_path)


def test_a_key_stands_in_one_file_only(tmp_path: Path) -> None:
    write(tmp_path, "a.da.json", {"a.x": "x"})
    write(tmp_path, "b.da.json", {"a.x": "y"})

    with pytest.raises(ValueError, match="one text per key"):
        Catalogue(tmp_path)


def sources() -> list[Path]:
    return [
        path
        for folder, kinds in ((STATIC_FOLDER, ("*.js",)), (TEMPLATES_FOLDER, ("*.html", "*.js")))
        for kind in kinds
        for path in sorted(folder.rglob(kind))
        if "vendor" not in path.parts
    ]


def test_every_key_that_a_page_or_script_names_has_words() -> None:
    named = {(path.name, key) for path in sources() for key in NAMED.findall(path.read_text("utf-8"))}

    assert len(named) > 100
    assert sorted(pair for pair in named if pair[1] not in KEYS) == []


@pytest.mark.parametrize(
    "key",
    [
        *(f"tablet.outcome.{o}" for o in ("done", "partly", "nobody_home", "declined", "cancelled_at_door")),
        *(f"tablet.place.{place}" for place in ("home", "base", "citizen")),
        *(
            f"door.{state}.heading"
            for state in ("sent", "slow", "unlocked", "refused", "unknown", "aborted", "jammed", "expired")
        ),
        *(f"tablet.pin_{why}" for why in ("wrong", "needs_network")),
        *(f"tablet.{which}_needs_network" for which in ("start", "end")),
    ],
)
def test_keys_put_together_by_scripts_have_words(key: str) -> None:
    assert key in KEYS


def test_no_text_has_the_form_of_a_cpr_number_or_shouts() -> None:
    texts = [text for language in LANGUAGES for text in catalogue().subset(language, "").values()]

    assert len(texts) > 200
    assert [text for text in texts if CPR.search(text) or "!" in text] == []
