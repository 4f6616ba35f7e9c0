"""The verdict of a load run: its shape, the words on top, and where the latest one lies.

Written by ``omsorgstid loadtest`` (``loadtests/``, which production does not install), read by the page for
operations. Numbers are measured; nothing here decides.
"""

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.web.catalogue import Language

FOLDER = "load"
FILE = "verdict.json"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Line(_Shape):
    """One limit and what was measured against it."""

    id: str
    da: str
    en: str
    #: ms | s | ratio | count
    unit: Literal["ms", "s", "ratio", "count"]
    limit: float = Field(description="At most, in the unit.")
    measured: float | None = Field(description="None: nothing was measured, which is no pass.")
    samples: int
    ok: bool
    #: seconds after the start at which the limit could no longer be kept
    broke_at_s: float | None = None
    source: str


class Share(_Shape):
    """What one process, with its children, took while the load ran."""

    name: str
    generator: bool
    cpu_s: float
    #: of all cores together, 0 to 1
    cpu_ratio: float = Field(ge=0)
    memory_mib: float = Field(description="Most at any look, every three seconds; shared pages by share.")


class Machine(_Shape):
    """The machine, and how quick and how busy it was."""

    cores: int
    wall_s: float
    calibration_before_ms: float
    calibration_after_ms: float
    generator_ratio: float = Field(description="Share of all CPU time taken by the load generator.")
    platform_ratio: float
    others_ratio: float = Field(description="Taken by whatever else runs on the machine.")


class Verdict(_Shape):
    """One load run, judged."""

    profile: str
    title_da: str
    title_en: str
    started_at: AwareDatetime
    ready: bool
    broke_first: str | None = Field(description="Id of the line that broke first.")
    lines: tuple[Line, ...]
    shares: tuple[Share, ...]
    machine: Machine
    #: what failed, by sentence, most often first
    failures: tuple[tuple[str, int], ...] = ()

    @property
    def first(self) -> Line | None:
        """The line that broke first."""
        return next((line for line in self.lines if line.id == self.broke_first), None)

    def heading(self, language: Language) -> str:
        """*Klar til udrulning*, or what broke first."""
        first = self.first
        if first is None:
            return "Klar til udrulning" if language == "da" else "Ready for rollout"
        return f"Ikke klar: {first.da}" if language == "da" else f"Not ready: {first.en}"


def latest_file(work_dir: Path) -> Path:
    """Where a run writes its verdict unless told otherwise."""
    return work_dir / FOLDER / FILE


def latest(work_dir: Path) -> Verdict | None:
    """The latest verdict of a work directory; ``None`` where no run has ended here, or what lies there is none."""
    try:
        return Verdict.model_validate_json(latest_file(work_dir).read_bytes())
    except (OSError, ValidationError):
        return None
