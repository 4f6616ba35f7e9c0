"""The rules of the house, checked on the source itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.order import LONGEST_S, TESTS

ROOT = Path(__file__).parents[2]
PACKAGES = ("kernel", "devices", "scheduling", "video", "metrics", "gateway")
MAX_LINES = 450
#: written once and never read in one go: the whole schema at its start
LONG = {"gateway/migrations/versions"}
#: what a run-time module would fetch the outside world with; we have no business there
CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "openai"}
CPR = re.compile(r"(?<!\d)(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])\d\d-?\d{4}(?!\d)")


def _sources(*packages: str) -> Iterator[Path]:
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), _name(path))


def _imported(tree: ast.Module) -> set[str]:
    """Top-level packages a module imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def _reads_environment(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        of_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        if of_os and isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "getenvb"):
            return True
        names = {a.name for a in node.names} if isinstance(node, ast.ImportFrom) and node.module == "os" else set()
        if names & {"environ", "environb", "getenv", "getenvb"}:
            return True
    return False


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_only_the_settings_read_the_environment() -> None:
    readers = [_name(p) for p in _sources() if _reads_environment(_tree(p))]

    assert readers == ["gateway/settings.py"]


def test_only_the_broker_module_imports_paho() -> None:
    assert [_name(p) for p in _sources() if "paho" in _imported(_tree(p))] == ["devices/broker.py"]


def test_no_module_fetches_anything_from_the_outside_world_but_the_sign_in_from_its_provider() -> None:
    found = {_name(p): _imported(_tree(p)) & CLIENTS for p in _sources()}

    assert {name: clients for name, clients in found.items() if clients} == {"gateway/oidc.py": {"httpx"}}


def test_domains_know_no_web_framework_no_queue_and_no_metrics_client() -> None:
    forbidden = {"fastapi", "starlette", "celery", "prometheus_client", "uvicorn", "jinja2"}
    found = {_name(p): _imported(_tree(p)) & forbidden for p in _sources("kernel", "devices", "scheduling", "video")}

    assert {name: names for name, names in found.items() if names} == {}


def test_the_scanner_itself_finds_what_it_looks_for() -> None:
    """A rule that cannot fail is none."""
    assert _reads_environment(ast.parse("import os\nx = os.environ['A']"))
    assert _reads_environment(ast.parse("import os\nx = os.getenv('A')"))
    assert _reads_environment(ast.parse("from os import environ"))
    assert not _reads_environment(ast.parse("import os\nx = os.getpid()"))
    assert _imported(ast.parse("def f():\n    import httpx.x\n    from paho.mqtt import y")) == {"httpx", "paho"}
    assert CPR.search("CPR 010190-1234")
    assert CPR.search("3112991234")
    assert not CPR.search("2026-11-25 07:00")
    assert not CPR.search("70102030")


def test_modules_stay_small_enough_to_be_read_in_one_go() -> None:
    long = {
        _name(p): lines
        for p in _sources()
        if not any(_name(p).startswith(folder) for folder in LONG)
        and (lines := len(p.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }

    assert long == {}


def test_nothing_a_person_may_read_looks_like_a_cpr_number() -> None:
    """Numbers of real people are not stored, and nothing invented may look like one."""
    looked_at, found = 0, {}
    for folder, patterns in (
        ("gateway/web", ("*.html", "*.json", "*.js")),
        ("gateway", ("*.py",)),
        ("scheduling", ("*.py",)),
        ("devices", ("*.py",)),
        ("kernel", ("*.py",)),
        ("metrics", ("*.py",)),
        ("docs", ("*.md",)),
        ("tests/data", ("*.json",)),
    ):
        for pattern in patterns:
            for path in (ROOT / folder).rglob(pattern):
                if "vendor" in path.parts:
                    continue
                looked_at += 1
                if match := CPR.search(_without_hex(path.read_text(encoding="utf-8"))):
                    found[_name(path)] = match.group()

    assert looked_at > 150
    assert found == {}


def test_no_table_has_a_column_for_a_cpr_number() -> None:
    from sqlmodel import SQLModel

    import gateway.migrations  # noqa: F401 - makes the metadata whole

    columns = {f"{t.name}.{c.name}" for t in SQLModel.metadata.tables.values() for c in t.columns}
    assert len(columns) > 100
    assert [c for c in columns if re.search(r"cpr|ssn|personnummer|birth_?date|birthday", c)] == []


def test_tests_do_not_become_packages_and_do_not_patch_our_modules() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))

    assert [_name(p) for p in tests if p.name == "__init__.py"] == []
    patched = [
        _name(p)
        for p in tests
        if {"mock", "unittest"} & _imported(_tree(p)) or re.search(r"\bmonkeypatch\.setattr", p.read_text("utf-8"))
    ]
    assert [p for p in patched if p != _name(Path(__file__))] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_and_public_thing_says_what_it_is_for(package: str) -> None:
    silent = []
    for path in _sources(package):
        if "versions" in path.parts:
            continue
        tree = _tree(path)
        if tree.body and not ast.get_docstring(tree):
            silent.append(_name(path))
        for node in tree.body:
            kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{_name(path)}:{node.name}")

    assert silent == []


def _without_hex(text: str) -> str:
    """Random ids in hexadecimal are no numbers of anybody, nor are decimals of coordinates."""
    return re.sub(r"\b[0-9a-f]{24,}\b|\d+\.\d+|0x[0-9A-Fa-f_]+", "", text)


def test_files_of_tests_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST_S if not (TESTS / name).exists()] == []
