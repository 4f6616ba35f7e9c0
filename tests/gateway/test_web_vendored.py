"""Vendored files are the ones that were looked at: same bytes, licence beside them, nothing unlisted."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "gateway/web/static/vendor"
LISTED = re.findall(
    r"^\| `(?P<file>[^`]+)` \|.*\| `(?P<licence>[^`]+)` \| `(?P<hash>[0-9a-f]{64})` \|$",
    (VENDOR / "VENDORED.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("file", "licence", "digest"), LISTED)
def test_a_vendored_file_has_the_listed_bytes_and_its_licence_text(file: str, licence: str, digest: str) -> None:
    assert hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == digest
    assert (VENDOR / licence).stat().st_size > 500


def test_nothing_is_vendored_without_being_listed() -> None:
    licences = {licence for _, licence, _ in LISTED}
    found = {path.name for path in VENDOR.iterdir()} - licences - {"VENDORED.md"}

    assert found == {file for file, _, _ in LISTED}


def test_the_accessibility_checker_of_the_tests_is_the_one_listed() -> None:
    checker = ROOT / "tests/browser/vendor/axe-core-4.14.1.min.js"

    assert hashlib.sha256(checker.read_bytes()).hexdigest() in (VENDOR / "VENDORED.md").read_text("utf-8")
