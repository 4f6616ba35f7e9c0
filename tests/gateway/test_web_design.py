"""The look keeps its promises: contrast in both themes, icons that exist, state never by colour alone."""

import re
from itertools import pairwise

import pytest

from gateway.web.assets import STATIC_FOLDER
from gateway.web.render import TEMPLATES_FOLDER

TOKENS = (STATIC_FOLDER / "tokens.css").read_text(encoding="utf-8")
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
SPRITE = (STATIC_FOLDER / "vendor/icons-dkfds-11.2.0.svg").read_text(encoding="utf-8")
SYMBOLS = set(re.findall(r'<symbol id="([^"]+)"', SPRITE))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [
        *((ink, paper, 4.5) for ink in ("text", "muted", "brand") for paper in ("bg", "surface")),
        ("text", "sunken", 4.5),
        ("on-brand", "brand", 4.5),
        *((state, f"{state}-bg", 4.5) for state in ("ok", "warn", "danger", "info", "grey", "screen")),
        *(("text", f"{state}-bg", 4.5) for state in ("ok", "warn", "danger", "info", "grey", "screen")),
        *((part, paper, 3.0) for part in ("control", "focus") for paper in ("bg", "surface")),
    ],
)
def test_ink_stands_out_from_its_paper_in_both_themes(ink: str, paper: str, least: float, theme: int) -> None:
    assert contrast(COLOURS[ink][theme], COLOURS[paper][theme]) >= least


def named_icons() -> set[str]:
    names: set[str] = set()
    for path in sorted(STATIC_FOLDER.rglob("*.js")):
        if "vendor" not in path.parts:
            text = path.read_text("utf-8")
            names |= set(re.findall(r'\bicon\("([a-z0-9-]+)"', text))
            names |= set(re.findall(r'"(own-[a-z-]+)"', text))
    for path in sorted(TEMPLATES_FOLDER.rglob("*.html")):
        names |= set(re.findall(r"""\bicon\(["']([a-z0-9-]+)["']""", path.read_text("utf-8")))
    return names


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    names = named_icons()

    assert len(names) > 15
    assert sorted(names - SYMBOLS) == []


def test_the_icons_asked_for_by_data_are_in_the_sprite() -> None:
    questions = (STATIC_FOLDER / "tablet/questions.js").read_text("utf-8")
    asked = set(re.findall(r'\["[a-z_]+", "([a-z-]+)"\]', questions))
    asked |= set(re.findall(r'icon: "([a-z-]+)"', questions))
    panels = (STATIC_FOLDER / "tablet/door_panel.js").read_text("utf-8")
    asked |= set(re.findall(r'panel\("[a-z]+", "([a-z-]+)"', panels))

    assert len(asked) > 10
    assert sorted(asked - SYMBOLS) == []


def test_a_symbol_stands_in_the_sprite_once_and_in_order() -> None:
    ids = re.findall(r'<symbol id="([^"]+)"', SPRITE)

    own = [name for name in ids if name.startswith("own-")]
    borrowed = [name for name in ids if not name.startswith("own-")]
    assert all(first < second for names in (own, borrowed) for first, second in pairwise(names))


def test_styles_never_take_the_focus_ring_away() -> None:
    for folder in (".", "shared", "tablet", "start"):
        text = "".join(path.read_text("utf-8") for path in sorted((STATIC_FOLDER / folder).glob("*.css")))
        assert text
        assert not re.search(r":focus[^{]*\{[^}]*outline:\s*(none|0)", text), folder
