"""Static files: an address that changes with the content, kept for a year, small on the wire."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.web.assets import STATIC_FOLDER, Assets, assets, router


def get(path: str, **headers: str) -> httpx.Response:
    app = FastAPI()
    app.include_router(router)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pages") as client:
            return await client.get(path, headers=headers)

    # a thread of its own: the browser tests of the same session keep an event loop running in this one
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()


def test_the_address_changes_when_any_file_changes(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    (tmp_path / "b.css").write_text("b{}")
    before = Assets(tmp_path).url("a.css")

    (tmp_path / "b.css").write_text("b{color:red}")

    assert Assets(tmp_path).url("a.css") != before
    assert before.endswith("/a.css")


def test_a_page_cannot_name_a_file_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="name of a static file"):
        assets().url("tablet/missing.js")


def test_a_file_of_unknown_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_bytes(b"x")

    with pytest.raises(ValueError, match="known type"):
        Assets(tmp_path)


def test_a_file_is_kept_for_a_year_and_compressed_where_the_browser_can() -> None:
    answer = get(assets().url("tokens.css"), **{"Accept-Encoding": "gzip"})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    stored = (STATIC_FOLDER / "tokens.css").read_text("utf-8")
    assert [line for line in stored.splitlines() if line in answer.text.splitlines()] == answer.text.splitlines()


def test_comments_that_fill_their_lines_stay_on_the_server_and_code_beside_a_comment_travels(tmp_path: Path) -> None:
    script = "// @ts-check\n/** What\n * it is. */\nconst a = 1; // why\n  // a line\n/** @type {any} */ (a).b();\n"
    (tmp_path / "a.js").write_text(script + "let c = 2;\n/** end */\n")
    (tmp_path / "a.css").write_text("/* one\n two */\na { top: 0; /* why */ }\n")
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "b.js").write_text("/* Licence */\nlet d;\n")
    made = Assets(tmp_path)

    def body(name: str) -> str:
        found = made.find(made.version, name)
        assert found is not None
        return found.body.decode()

    assert body("a.js") == "const a = 1; // why\n/** @type {any} */ (a).b();\nlet c = 2;\n"
    assert body("a.css") == "a { top: 0; /* why */ }\n"
    assert body("vendor/b.js") == "/* Licence */\nlet d;\n"


def test_a_browser_that_cannot_decompress_gets_the_file_as_it_is() -> None:
    answer = get(assets().url("tokens.css"), **{"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in answer.headers
    assert ":root" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/static/000000000000/tokens.css", "/static/{version}/none.css"],
)
def test_other_versions_and_other_files_are_not_found(path: str) -> None:
    assert get(path.format(version=assets().version)).status_code == 404


def test_compression_is_the_same_everywhere(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}" * 500)
    first, second = (Assets(tmp_path).find(Assets(tmp_path).version, "a.css") for _ in range(2))

    assert first is not None
    assert first == second
    assert gzip.decompress(first.gzipped or b"") == first.body
