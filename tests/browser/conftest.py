"""Chromium from Debian, driven by Playwright, as a Danish user's browser."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import missing

# A machine that does other things as well may take its time; what has to be quick is measured where it is promised.
expect.set_options(timeout=15_000)

LAUNCH = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
]
#: Every window of a whole Chromium loads the suggestions under its address bar, two pages with a renderer of their
#: own: more work than many a page of ours. What Playwright turns off is named too, for the last list given counts.
OFF = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)


def launch_arguments(*more: str, off: tuple[str, ...] = ()) -> list[str]:
    """The command line of a Chromium for tests, with more switches and more features turned off."""
    return [*LAUNCH, *more, f"--disable-features={','.join((*OFF, *off))}"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session."""
    path = shutil.which("chromium")
    if path is None:
        missing("Chromium (Debian: chromium)")
        return
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=launch_arguments())
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own for each test."""
    made = browser.new_context(locale="da-DK", timezone_id="Europe/Copenhagen", viewport={"width": 800, "height": 1280})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of that profile."""
    return context.new_page()
