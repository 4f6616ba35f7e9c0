"""Compile the route engine: at installation (a hatchling build hook) and by ``python build_engine.py``.

Without a C compiler nothing is built and nothing fails: planning then uses the search in Python.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path(__file__).parent / "scheduling" / "native"
LIBRARY = NATIVE / "engine.so"
COMPILERS = ("cc", "gcc", "clang")
# Contraction to fused operations is off: the same plan on every machine of a kind, and Python's sums.
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off")


def fingerprint(folder: Path = NATIVE) -> str:
    """SHA-256 of the sources, in the order of their names; the library knows its own."""
    digest = hashlib.sha256()
    for path in sorted((*folder.glob("*.h"), *folder.glob("*.c"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build() -> Path | None:
    """Compile the library beside its sources; ``None`` if there is no compiler or it fails."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        print("No C compiler: routes are planned by the search in Python.", file=sys.stderr)  # noqa: T201
        return None
    # A running process keeps the old file: the new one is put in its place, not written over it.
    fresh = LIBRARY.with_suffix(f".{os.getpid()}.tmp")
    source = f'-DENGINE_SOURCE="{fingerprint()}"'
    command = [compiler, *FLAGS, source, "-o", str(fresh), str(NATIVE / "engine.c"), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        print(f"The C compiler refused the route engine:\n{done.stderr}", file=sys.stderr)  # noqa: T201
        return None
    fresh.replace(LIBRARY)
    return LIBRARY


class EngineBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the compiled library into the wheel, which is then one for this kind of machine."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Called by hatchling before a wheel, editable or not, is made."""
        library = build()
        if library is not None:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"].append("scheduling/native/engine.so")


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
