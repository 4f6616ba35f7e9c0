"""The static files, read once, served under an address that changes whenever any of them changes.

The address carries one hash for the whole folder and not one per file: native modules import each other by
relative paths, so a module's imports must live under the same prefix as the module itself. Comments of our own
scripts and styles stay here: they are a fifth of what would travel, and no browser reads them.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import Depends, Request
from fastapi.responses import Response

from gateway.auth import public
from gateway.routing import Router

STATIC_FOLDER = Path(__file__).with_name("static")
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
_ALREADY_COMPRESSED = {".woff2"}
_ONE_YEAR_S = 365 * 24 * 3600
_VENDORED = "vendor/"
#: comments that have their lines to themselves; one within a line of code stays
_COMMENTS = {
    ".js": re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL),
    ".css": re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file in memory, with its compressed form where that is smaller."""

    body: bytes
    gzipped: bytes | None
    media_type: str


class Assets:
    """Every static file below a folder.

    Parameters
    ----------
    folder
        Root of the files. Files of unknown type are refused, so that nothing is served by accident.

    Raises
    ------
    ValueError
        If a file has a type that is not in the list.
    """

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, Asset] = {}
        digest = hashlib.sha256()
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            if path.suffix not in _MEDIA_TYPES:
                raise ValueError(f"Expected a static file of a known type, got {name}.")
            body = path.read_bytes()
            digest.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
            self._files[name] = _read(path.suffix, body if _VENDORED in name else without_comments(path.suffix, body))
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Address of a file; the empty name gives the prefix of them all.

        Raises
        ------
        ValueError
            If there is no such file: a page must not be able to ask for something that is not there.
        """
        if name and name not in self._files:
            raise ValueError(f"Expected the name of a static file, got {name!r}.")
        return f"/static/{self.version}/{name}"

    def find(self, version: str, name: str) -> Asset | None:
        """The file under an address, or nothing for an address of another version."""
        return self._files.get(name) if version == self.version else None

    def names(self, *prefixes: str) -> list[str]:
        """Sorted names of the files that begin with one of the prefixes."""
        return [name for name in self._files if name.startswith(prefixes)]


@lru_cache(maxsize=1)
def assets() -> Assets:
    """The static files of this installation."""
    return Assets(STATIC_FOLDER)


router = Router(include_in_schema=False, dependencies=[Depends(public)])


@router.get("/static/{version}/{name:path}")
def static_file(version: str, name: str, request: Request) -> Response:
    """One static file, kept by the browser for a year because its address changes with its content."""
    asset = assets().find(version, name)
    if asset is None:
        return Response("Not found", status_code=404, media_type="text/plain")
    headers = {
        "Cache-Control": f"public, max-age={_ONE_YEAR_S}, immutable",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }
    if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.gzipped, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def without_comments(suffix: str, body: bytes) -> bytes:
    """A script or style without the comments that fill whole lines; other files as they are."""
    pattern = _COMMENTS.get(suffix)
    return body if pattern is None else pattern.sub("", body.decode()).encode()


def _read(suffix: str, body: bytes) -> Asset:
    # mtime=0 keeps the compressed bytes the same on every machine
    gzipped = None if suffix in _ALREADY_COMPRESSED else gzip.compress(body, 9, mtime=0)
    if gzipped is not None and len(gzipped) >= len(body):
        gzipped = None
    return Asset(body, gzipped, _MEDIA_TYPES[suffix])
