"""The pages of the foundation: headers, languages, Danish numbers, and nothing inline."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from posixpath import normpath
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from gateway.pages import accessibility, sign_in, start, tablet
from gateway.pages.sign_in import own_path
from gateway.pages.tablet import LATER
from gateway.web import assets as static
from gateway.web.assets import assets
from gateway.web.render import kroner_text, percent_text, week_text

PAGES = ["/", "/log-ind", "/tablet", "/tilgaengelighed"]


def get(path: str, *, demo: bool = True, lang: str | None = None) -> httpx.Response:
    app = FastAPI()
    app.state.parts = SimpleNamespace(settings=SimpleNamespace(demo=demo), near_url="ws://127.0.0.1:4711/near")
    for module in (start, sign_in, tablet, accessibility, static):
        app.include_router(module.router)
    cookies = {"lang": lang} if lang else {}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://p", cookies=cookies) as client:
            return await client.get(path)

    # a thread of its own: the browser tests of the same session keep an event loop running in this one
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_inline_script_style_or_handler_and_a_policy_that_says_so(path: str) -> None:
    answer = get(path)
    policy = answer.headers["Content-Security-Policy"]

    assert answer.status_code == 200
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    scripts = re.findall(r"<script([^>]*)>", answer.text)
    assert scripts
    assert all("src=" in script or 'type="application/json"' in script for script in scripts)
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", answer.text) == []


@pytest.mark.parametrize("path", PAGES)
def test_every_address_in_a_page_is_on_this_server(path: str) -> None:
    addresses = re.findall(r'(?:href|src|action)="([^"]+)"', get(path).text)

    assert addresses
    assert [address for address in addresses if not address.startswith(("/", "#"))] == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["da", "en"])
def test_a_page_speaks_the_language_of_the_cookie(path: str, lang: str) -> None:
    assert f'<html lang="{lang}"' in get(path, lang=lang).text


def test_an_unknown_language_means_danish() -> None:
    assert '<html lang="da"' in get("/tablet", lang="xx").text


@pytest.mark.parametrize("path", PAGES)
def test_the_accessibility_statement_is_linked_from_every_page(path: str) -> None:
    page = get(path).text

    # the tablet's menu is built by its script; its file names the statement
    assert "/tilgaengelighed" in page or "/tilgaengelighed" in script("tablet/menu.js")


def test_the_tablet_may_connect_to_the_carrier_of_its_near_link_and_no_other_page_may() -> None:
    assert "connect-src 'self' ws://127.0.0.1:4711;" in get("/tablet").headers["Content-Security-Policy"]
    assert "connect-src 'self';" in get("/").headers["Content-Security-Policy"]


def test_the_tablet_page_holds_no_data_and_both_languages() -> None:
    page = get("/tablet")
    found = re.search(r'<script type="application/json" id="messages">(.*?)</script>', page.text, re.DOTALL)

    assert found is not None
    messages = json.loads(found[1])
    assert set(messages) == {"da", "en"}
    assert messages["da"]["door.sent.heading"] == "Sendt – vent"
    assert page.headers["Cache-Control"] == "no-store"


def test_the_tablet_page_takes_at_most_7000_bytes_on_the_wire() -> None:
    answer = get("/tablet")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) <= 7_000


def test_the_worker_keeps_the_page_and_its_files_but_never_the_server_s_answers() -> None:
    answer = get("/tablet/sw.js")
    files = json.loads(re.search(r"const FILES = (\[.*?\]);", answer.text)[1])  # type: ignore[index]

    assert answer.headers["Service-Worker-Allowed"] == "/tablet"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert assets().url("tablet/app.js") in files
    assert all(get(file).status_code == 200 for file in files)
    assert not any("/api/" in file for file in files)


def test_modules_import_only_modules_that_are_there() -> None:
    for name in assets().names("shared/", "tablet/", "start/"):
        folder = name.rsplit("/", 1)[0]
        for imported in re.findall(r'from "(\.[^"]+)"', script(name) if name.endswith(".js") else ""):
            target = normpath(f"{folder}/{imported}")
            assert target in assets().names(target), f"{name} imports {imported}"


@pytest.mark.parametrize("name", [n for n in assets().names("shared/", "tablet/", "start/") if n.endswith(".js")])
def test_a_module_is_type_checked_and_at_most_300_lines(name: str) -> None:
    text = (static.STATIC_FOLDER / name).read_text("utf-8")

    assert text.startswith("// @ts-check\n")
    assert text.count("\n") <= 300
    assert "innerHTML" not in text


def test_outside_the_demo_the_front_page_is_the_sign_in() -> None:
    answer = get("/", demo=False)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/log-ind"


def test_choosing_a_language_goes_back_to_where_it_was_chosen() -> None:
    answer = get("/sprog/en?til=/leder%3Fcenter%3Dnord")

    assert answer.headers["Location"] == "/leder?center=nord"
    assert "lang=en" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""]
)
def test_no_link_of_ours_sends_anybody_elsewhere(wanted: str) -> None:
    assert own_path(wanted) == "/"


def test_danish_numbers_have_comma_full_stop_and_a_space_that_does_not_break() -> None:
    assert kroner_text(4407) == "44,07\u00a0kr."
    assert kroner_text(128_400_00, decimals=0) == "128.400\u00a0kr."
    assert percent_text(0.042, decimals=1) == "4,2\u00a0%"
    assert week_text(date(2026, 11, 25)) == "uge\u00a048"


def test_filters_write_danish_local_time() -> None:
    from gateway.web.render import _environment

    page = _environment().from_string("{{ at | clock }} {{ at | day }} {{ at | day('en') }}")

    assert page.render(at=datetime(2026, 11, 25, 23, 30, tzinfo=UTC)) == "00:30 tors. 26. nov. Thu 26 Nov"


def script(name: str) -> str:
    found = assets().find(assets().version, name)
    assert found is not None
    return found.body.decode()


def test_the_tablet_weighs_at_most_90_kilobytes_on_the_wire() -> None:
    names = [
        "base.css", "tokens.css", "theme.js", "vendor/icons-dkfds-11.2.0.svg",
        "vendor/IBMPlexSans-Regular-Latin1.woff2", "vendor/IBMPlexSans-SemiBold-Latin1.woff2",
        # what a screen visit needs comes when one begins
        *(name for name in assets().names("shared/", "tablet/") if not name.startswith(LATER)),
    ]  # fmt: skip
    sizes = {}
    for name in names:
        found = assets().find(assets().version, name)
        assert found is not None
        sizes[name] = len(found.gzipped or found.body)

    sizes["the page itself"] = int(get("/tablet").headers["content-length"])

    assert sum(sizes.values()) <= 90 * 1024, sizes
