"""Profiles of load, and the limits a rollout has to keep: one file, checked strictly."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PROFILES_FILE = Path(__file__).with_name("profiles.yaml")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestTime(_Part):
    """A percentile of the times of one class of requests."""

    kind: Literal["request_time"]
    request: str = Field(min_length=1)
    percentile: float = Field(gt=0, le=100)


class FailedRequests(_Part):
    """The share of requests that failed."""

    kind: Literal["failed_requests"]


class Latency(_Part):
    """A percentile of a latency that is no request: of the devices, or of the live board."""

    kind: Literal["latency"]
    of: Literal["committed", "live_board"]
    percentile: float = Field(gt=0, le=100)


class Lost(_Part):
    """Messages of devices, or facts of tablets, that are not there in the end."""

    kind: Literal["lost"]
    of: Literal["messages", "facts"]


class Recovery(_Part):
    """How long after everybody is let back in until all are connected and all they kept is stored."""

    kind: Literal["recovery"]


Measure = Annotated[RequestTime | FailedRequests | Latency | Lost | Recovery, Field(discriminator="kind")]


class Limit(_Part):
    """What is measured, in which unit, and where the figure comes from."""

    measure: Measure
    unit: Literal["ms", "s", "ratio", "count"]
    da: str = Field(min_length=3)
    en: str = Field(min_length=3)
    source: str = Field(min_length=3)


class Storm(_Part):
    """An outage in the middle: every device loses its link, every tablet its network; then all come back at once."""

    cut_after_s: float = Field(gt=0)
    back_after_s: float = Field(gt=0)
    facts_per_tablet: int = Field(ge=1, le=100)
    events_per_device: int = Field(ge=1, le=100)


class Fleet(_Part):
    """Who and what takes part."""

    tablets: int = Field(ge=1)
    visits_per_tablet: int = Field(ge=1, le=40)
    citizens: int = Field(ge=1)
    locks: int = Field(ge=0)
    vehicles: int = Field(ge=0)
    lifts: int = Field(ge=0)
    planners: int = Field(ge=1)
    screen_citizens: int = Field(ge=0)


class Pace(_Part):
    """How fast they are."""

    arrive_s: float = Field(gt=0, description="All tablets sign in within this time.")
    compress: float = Field(ge=1, description="World minutes of the plan per minute of the run.")
    visit_s: float = Field(gt=0, description="A simulated visit, door to outcome.")
    call_s: float = Field(gt=0, description="A simulated call.")
    planner_s: float = Field(gt=0, description="Between two acts of a planner.")
    device_messages_per_s: float = Field(gt=0)


class Profile(_Part):
    """One load, with the limits it has to keep."""

    da: str
    en: str
    seconds: float = Field(gt=0)
    web_processes: int = Field(default=1, ge=1, le=16)
    fleet: Fleet
    pace: Pace
    storm: Storm | None = None
    limits: dict[str, float] = Field(min_length=1)

    @model_validator(mode="after")
    def _storm_fits(self) -> "Profile":
        if self.storm is not None and not self.storm.cut_after_s < self.storm.back_after_s < self.seconds:
            raise ValueError("expected cut_after_s < back_after_s < seconds")
        if any(value < 0 for value in self.limits.values()):
            raise ValueError("expected limits >= 0")
        return self


class Profiles(_Part):
    """The whole file."""

    limits: dict[str, Limit]
    profiles: dict[str, Profile]

    @model_validator(mode="after")
    def _limits_are_known(self) -> "Profiles":
        for name, profile in self.profiles.items():
            for wanted in profile.limits:
                if wanted not in self.limits:
                    raise ValueError(f"profiles.{name}.limits.{wanted}: expected one of {sorted(self.limits)}")
                if profile.storm is None and self.limits[wanted].measure.kind == "recovery":
                    raise ValueError(f"profiles.{name}.limits.{wanted}: expected a storm to recover from")
        return self


class ProfileError(Exception):
    """The file cannot be used. Every problem with its path, what was expected and what was found."""


def load_profiles(file: Path = PROFILES_FILE) -> Profiles:
    """Read the profiles.

    Raises
    ------
    ProfileError
        Naming each place, what was expected there and what was found.
    """
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Profiles.model_validate(content)
    except (OSError, UnicodeDecodeError) as err:
        raise ProfileError(f"{file}: expected a file of profiles, found {err}") from None
    except yaml.YAMLError as err:
        raise ProfileError(f"{file}: expected YAML, found {err}") from None
    except ValidationError as err:
        raise ProfileError("\n".join(_said(file, each) for each in err.errors())) from None


def pick(profiles: Profiles, name: str) -> Profile:
    """A profile by name.

    Raises
    ------
    ProfileError
        Naming those there are.
    """
    found = profiles.profiles.get(name)
    if found is None:
        raise ProfileError(f"profile: expected one of {', '.join(sorted(profiles.profiles))}, found {name}")
    return found


def _said(file: Path, problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"]) or "the file"
    if problem["type"] == "value_error" and not problem["loc"]:
        return f"{file.name}: {problem['msg'].removeprefix('Value error, ')}"
    found = "nothing" if problem["type"] == "missing" else repr(problem["input"])
    return f"{file.name}: {path}: expected {problem['msg'].removeprefix('Value error, ')}, found {found[:120]}"
