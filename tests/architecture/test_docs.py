"""The project's own words keep up with it: links, commands, targets, dependencies."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
OWN_WORDS = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)
#: `folder/file.ext`, with or without `: function` behind it
_FILE = re.compile(
    r"`((?:kernel|devices|scheduling|video|metrics|gateway|loadtests|deploy|tests|docs)/[\w./-]*\.\w+)(?:: (\w[\w.]*))?"
)
#: `file.py: function`, where the folder was named just before
_SHORT = re.compile(r"`(\w+\.(?:py|js)): (\w[\w.]*)`")


def page(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def slug(heading: str) -> str:
    """The anchor a heading gets: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\s-]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", _CODE.sub("", page(path)), re.MULTILINE)}


def commands() -> list[str]:
    """Every command of the command line, as it is typed."""
    group = typer.main.get_command(app)
    names = getattr(group, "commands", None)
    assert names, "the command line has lost its commands"
    return sorted(names)


def targets() -> dict[str, str]:
    """Every target of the Makefile a person may ask for, with its help line ('' where it has none)."""
    text = page(ROOT / "Makefile")
    phony = {name for line in re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE) for name in line.split()}
    helped = dict(re.findall(r"^([a-z-]+):.*?## (.+)$", text, re.MULTILINE))
    ruled = set(re.findall(r"^([a-z][a-z-]*):(?!=)", text, re.MULTILINE))
    return {name: helped.get(name, "") for name in sorted(phony | ruled)}


def dependencies(requirements: list[str]) -> set[str]:
    """Names without extras, versions and markers."""
    found = [re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements]
    return {match.group(0) for match in found if match}


def sources() -> list[Path]:
    """Our own Python and JavaScript."""
    folders = ("kernel", "devices", "scheduling", "video", "metrics", "gateway", "loadtests")
    return [path for folder in folders for kind in ("*.py", "*.js") for path in (ROOT / folder).rglob(kind)]


def holds(path: Path, function: str) -> bool:
    """Whether a file has a function, or a class with a method, of this name."""
    text = page(path)
    return all(
        re.search(rf"\b(?:def|class|function|const) {name}\b|^  (?:static )?(?:async )?{name}\(", text, re.MULTILINE)
        for name in function.split(".")
    )


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(page(README).splitlines()) <= 120


@pytest.mark.parametrize("path", OWN_WORDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    broken = []
    for target in _LINK.findall(_CODE.sub("", page(path))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = path if not name else path.parent / name
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("path", OWN_WORDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_and_function_named_exists(path: Path) -> None:
    text = " ".join(page(path).split())
    missing = [name for name, _ in _FILE.findall(text) if not (ROOT / name).exists()]
    for name, function in _FILE.findall(text):
        if function and (ROOT / name).exists() and not holds(ROOT / name, function):
            missing.append(f"{name}: {function}")
    for name, function in _SHORT.findall(text):
        if not any(holds(found, function) for found in sources() if found.name == name):
            missing.append(f"{name}: {function}")

    assert missing == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=lambda path: path.stem)
def test_every_decision_has_its_parts_and_is_in_the_list(path: Path) -> None:
    headings = re.findall(r"^## (.+)$", page(path), re.MULTILINE)

    assert page(path).startswith(f"# {path.stem[:4]}: ")
    assert {"Context", "Decision", "Consequences", "Alternatives", "Evidence"} <= set(headings)
    assert f"]({path.name})" in page(path.with_name("index.md"))


@pytest.mark.parametrize("command", commands())
def test_every_command_is_named_in_the_pages(command: str) -> None:
    typed = [words for path in OWN_WORDS for words in re.findall(r"`([^`\n]+)`", page(path))]

    assert any(words.removeprefix("omsorgstid ").split()[:1] == [command] for words in typed)


@pytest.mark.parametrize("command", commands())
def test_every_command_says_what_it_does(command: str) -> None:
    answer = CliRunner().invoke(app, [command, "--help"])

    assert answer.exit_code == 0
    assert re.search(r"[A-Z][^.]{10,}\.", answer.output)


@pytest.mark.parametrize("target", targets())
def test_every_make_target_has_a_help_line(target: str) -> None:
    assert targets()[target]


def test_every_make_target_named_in_the_pages_exists() -> None:
    named = {name for path in OWN_WORDS for name in re.findall(r"`make ([a-z-]+)", page(path))}

    assert {"demo", "test"} <= named
    assert named - set(targets()) == set()


def names(group: list[Any]) -> list[str]:
    """The packages of a group, without the groups it includes."""
    return [entry for entry in group if isinstance(entry, str)]


def test_every_direct_dependency_has_its_reason_and_no_reason_is_left_over() -> None:
    project = tomllib.loads(page(ROOT / "pyproject.toml"))
    groups = project["dependency-groups"]
    declared = {
        "To run": dependencies(project["project"]["dependencies"]),
        "To build without an index": dependencies(groups["build"]),
        "To load": dependencies(groups["load"]),
        "To measure beside us": dependencies(groups["peers"]),
        "To develop and test": dependencies(names(groups["dev"])),
    }
    sections = page(ROOT / "docs" / "dependencies.md").split("\n## ")[1:]
    explained = {text.splitlines()[0]: {name for name, _ in _ROW.findall(text)} for text in sections}

    assert set(groups) == {"build", "load", "peers", "dev"}, "a new group needs a section of its own"
    assert explained == declared


def test_the_locks_hold_every_direct_dependency() -> None:
    project = tomllib.loads(page(ROOT / "pyproject.toml"))
    for lock, groups in (("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "load", "dev"])):
        wanted = list(project["project"]["dependencies"])
        for group in groups:
            wanted += names(project["dependency-groups"][group])
        locked = {
            name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==", page(ROOT / lock), re.MULTILINE)
        }

        assert {name.lower() for name in dependencies(wanted)} - locked == set(), lock
        assert "ortools" not in locked, "what is measured beside us is in an environment of its own"
    assert re.search(r"^ortools==", page(ROOT / "requirements-peers.lock"), re.MULTILINE)
