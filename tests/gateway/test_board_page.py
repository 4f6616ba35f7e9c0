"""What the planner's page sends before a day is on the screen, and what it leaves for later."""

import re
from posixpath import normpath

import pytest

from gateway.pages.planner import FIRST_WORDS
from gateway.web.assets import assets
from gateway.web.catalogue import catalogue
from gateway.web.render import TEMPLATES_FOLDER

#: a day of 400 routes and 6,000 visits is 90 kB of the 200 a planner may wait for (``make bench-board``)
MOST_BYTES = 100_000
IMPORTED = re.compile(r'from "(\.[^"]+)"')
#: keys in full, and the beginnings of those put together: t("x.y"), t(`x.${y}`)
NAMED = re.compile(r'"((?:planner|common)\.[a-z0-9_.]+)"')
BEGUN = re.compile(r"`((?:planner|common)\.[a-z0-9_.]*)\$\{")


def script(name: str) -> str:
    found = assets().find(assets().version, name)
    assert found is not None, name
    return found.body.decode()


def needed_from(name: str, found: dict[str, str]) -> dict[str, str]:
    """A module and all it imports before it can run."""
    if name not in found:
        found[name] = script(name)
        for imported in IMPORTED.findall(found[name]):
            needed_from(normpath(f"{name.rsplit('/', 1)[0]}/{imported}"), found)
    return found


FIRST = needed_from("planner/main.js", {})


def test_the_first_paint_fetches_no_dialog_no_panel_no_map_and_no_list_for_a_phone() -> None:
    later = {"acts", "panel", "move", "clash", "drag", "happened", "town", "phone", "plan", "choice", "proposals"}

    assert not later & {name.rsplit("/", 1)[1].removesuffix(".js") for name in FIRST}
    assert {"planner/grid.js", "planner/keys.js", "planner/live.js"} <= set(FIRST)


def test_what_is_sent_before_the_day_leaves_the_day_its_share() -> None:
    template = (TEMPLATES_FOLDER / "planner/board.html").read_text("utf-8")
    base = (TEMPLATES_FOLDER / "base.html").read_text("utf-8")
    styles = re.findall(r"static\('([^']+\.(?:css|woff2))'\)", template + base)
    sizes = {}
    for name in (*FIRST, *styles, "theme.js", "vendor/icons-dkfds-11.2.0.svg"):
        found = assets().find(assets().version, name)
        assert found is not None, name
        sizes[name] = len(found.gzipped or found.body)

    assert "vendor/IBMPlexSans-Regular-Latin1.woff2" in sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize("name", sorted(FIRST))
def test_the_words_of_the_first_paint_come_with_the_page(name: str) -> None:
    known = catalogue().subset("da", *FIRST_WORDS)

    assert [key for key in NAMED.findall(FIRST[name]) if key not in known] == []
    wanted = [key for begun in BEGUN.findall(FIRST[name]) for key in catalogue().subset("da", begun)]
    assert [key for key in wanted if key not in known] == []
