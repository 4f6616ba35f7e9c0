"""The shells of a call: nothing in them before somebody answers, words for every state, light enough for a phone."""

import re
from collections.abc import Iterator

import pytest

from gateway.pages.tablet import LATER
from gateway.web.assets import STATIC_FOLDER, assets
from gateway.web.catalogue import catalogue
from tests.gateway.platform import Platform
from tests.gateway.web import Person

PAGES = ["/skaerm", "/kiosk"]
KEYS = catalogue().keys()
ENGINE = assets().names("shared/call/")
FRAME = [
    "base.css", "tokens.css", "theme.js", "vendor/icons-dkfds-11.2.0.svg",
    "vendor/IBMPlexSans-Regular-Latin1.woff2", "vendor/IBMPlexSans-SemiBold-Latin1.woff2",
    *(f"shared/{name}.js" for name in ("api", "dom", "formats", "language", "messages")),
]  # fmt: skip


@pytest.fixture
def stranger(office: Platform) -> Iterator[Person]:
    """A browser nobody has signed in with."""
    person = Person(office.port, surface="")
    yield person
    person.close()


def source(name: str) -> str:
    return (STATIC_FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("path", PAGES)
def test_a_shell_holds_no_person_and_lets_nobody_film_the_screen(stranger: Person, office: Platform, path: str) -> None:
    page = stranger.get(path)
    text = page.content.decode()

    assert page.status == 200
    assert page.headers["permissions-policy"] == "camera=(self), microphone=(self), display-capture=()"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", text) == []
    assert [c.name for c in office.day.carers if c.name in text] == []
    assert "/tilgaengelighed" in text


def test_the_words_of_a_call_come_in_both_languages_and_hold_nothing_else(stranger: Person) -> None:
    words = stranger.get("/skaerm/ord").json

    assert set(words) == {"da", "en"}
    assert words["da"]["call.hang_up"] == "Læg på"
    assert {key.split(".")[0] for key in words["en"]} == {"call", "screen_visit", "rehearsal"}


def test_a_citizen_s_page_weighs_at_most_80_kilobytes_on_the_wire(stranger: Person) -> None:
    kiosk = ["shared/sign_in.js", "shared/sign_in.css", "shared/keypad.js", "shared/world.js"]
    for path, own in (("/skaerm", assets().names("screen/")), ("/kiosk", [*assets().names("kiosk/"), *kiosk])):
        page = stranger.get(path, Accept_Encoding="gzip")
        sizes = {name: weight(name) for name in [*FRAME, *ENGINE, *own]}

        assert sum(sizes.values()) + len(page.content) <= 80_000 * 1.024, (path, sizes)


def weight(name: str) -> int:
    found = assets().find(assets().version, name)
    assert found is not None
    return len(found.gzipped or found.body)


def test_no_page_can_record_a_call() -> None:
    scripts = [name for name in assets().names("") if name.endswith(".js")]

    assert len(scripts) > 50
    assert [name for name in scripts if re.search(r"MediaRecorder|getDisplayMedia|captureStream", source(name))] == []


def test_what_the_tablet_fetches_later_is_named_by_nothing_it_loads_at_first() -> None:
    at_first = [n for n in assets().names("shared/", "tablet/") if n.endswith(".js") and not n.startswith(LATER)]
    imported = {
        (name, found) for name in at_first for found in re.findall(r'^import .* from "([^"]+)"', source(name), re.M)
    }

    assert len(imported) > 20
    assert [pair for pair in sorted(imported) if "/call/" in pair[1] or "screen_visit" in pair[1]] == []


@pytest.mark.parametrize("name", [n for n in assets().names("screen/", "kiosk/", "rehearsal/") if n.endswith(".js")])
def test_a_module_is_type_checked_and_at_most_300_lines(name: str) -> None:
    text = source(name)

    assert text.startswith("// @ts-check\n")
    assert text.count("\n") <= 300
    assert "innerHTML" not in text


@pytest.mark.parametrize(
    "key",
    [
        *(f"call.camera.{state}" for state in ("on", "off", "saving", "missing")),
        *(f"call.{kind}.{state}" for kind in ("audio", "video") for state in ("on", "off", "missing")),
        *(f"call.level.{level}" for level in ("good", "fair", "poor", "bad")),
        *(
            f"call.notice.{key}{part}"
            for key in (
                *("reconnecting", "long", "saving", "weak", "no_sound", "no_picture", "other_muted", "trouble"),
            )
            for part in ("", ".text")
        ),
        *("call.waits", "call.connecting", "call.no_picture"),
        *(f"call.{key}{part}" for key in ("called", "elsewhere") for part in ("", ".text")),
        *(f"call.{key}{part}" for key in ("no_camera", "no_device") for part in ("", ".text", ".go_on")),
        *("call.not_now.heading", "call.missed.heading"),
        *(
            f"screen_visit.outcome.{outcome}"
            for outcome in (
                *("completed", "completed_audio", "converted_phone", "converted_physical"),
                *("no_answer", "declined", "technical_failure"),
            )
        ),
        *(f"tablet.outcome.{outcome}" for outcome in ("no_answer", "technical_failure")),
    ],
)
def test_keys_put_together_by_the_scripts_of_a_call_have_words(key: str) -> None:
    assert key in KEYS


def test_the_tablet_has_every_word_that_signing_in_says(stranger: Person) -> None:
    page = stranger.get("/tablet").content.decode()
    said = {
        key
        for name in ("shared/sign_in.js", "shared/keypad.js")
        for key in re.findall(r'\bt\("(sign_in\.[a-z_.]+)"', source(name))
    }

    assert len(said) > 8
    assert [key for key in sorted(said) if f'"{key}"' not in page] == []
