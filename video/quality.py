"""How good a call is, by five-second windows of the browser's own statistics. Pure.

Audio is scored by the E-model (ITU-T G.107, simplified), with the share of concealed samples as loss: what the
decoder had to invent is what is heard. Video is scored apart, by frames and freezes (video facts §8).
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

WINDOW_S = 5
GOOD_MOS = 3.5
#: Opus with forward error correction; 10 without
BPL_FEC = 20.0
Advice = Literal["none", "reduce", "audio_only", "telephone"]


class Level(IntEnum):
    """Worst is highest, so that the worse of two is their maximum."""

    GOOD = 0
    FAIR = 1
    POOR = 2
    BAD = 3


@dataclass(frozen=True, slots=True)
class Window:
    """Five seconds as one side saw them. The video fields are ``None`` while there is no picture."""

    rtt_ms: float
    jitter_buffer_ms: float
    concealed_ratio: float
    fps: float | None = None
    freeze_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Counsel:
    """What the page is told: how it is, what to do, and whether to do it without asking."""

    level: Level
    advice: Advice
    automatic: bool


@dataclass(frozen=True, slots=True)
class Run:
    """How long it has been poor or worse, and bad, in windows that follow each other."""

    poor: int = 0
    bad: int = 0

    def after(self, level: Level) -> "Run":
        """The run with one more window."""
        return replace(
            self,
            poor=self.poor + 1 if level >= Level.POOR else 0,
            bad=self.bad + 1 if level >= Level.BAD else 0,
        )


def audio_mos(rtt_ms: float, jitter_buffer_ms: float, concealed_ratio: float, bpl: float = BPL_FEC) -> float:
    """Mean opinion score 1 to 4.5 of the audio of a window."""
    delay_ms = rtt_ms / 2 + jitter_buffer_ms + 20.0
    delay_loss = 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)
    concealed_percent = 100.0 * concealed_ratio
    equipment_loss = 95.0 * concealed_percent / (concealed_percent + bpl)
    r = min(100.0, max(0.0, 93.2 - delay_loss - equipment_loss))
    return min(4.5, max(1.0, 1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)))


def level_of(window: Window) -> Level:
    """The worst of audio, round trip, concealment and picture."""
    mos = audio_mos(window.rtt_ms, window.jitter_buffer_ms, window.concealed_ratio)
    levels = [
        _falling(mos, 4.0, GOOD_MOS, 2.8),
        min(_rising(window.rtt_ms, 200.0, 400.0, 800.0), Level.POOR),
        _rising(window.concealed_ratio, 0.02, 0.05, 0.10),
    ]
    if window.fps is not None:
        levels.append(min(_falling(window.fps, 15.0, 8.0, 0.0), Level.POOR))
    if window.freeze_ratio is not None:
        levels.append(min(_rising(window.freeze_ratio, 0.01, 0.05, 1.0), Level.POOR))
    return max(levels)


def counsel(level: Level, run: Run) -> Counsel:
    """What to do now. ``run`` counts this window too.

    Poor for 10 s: offer to go on without a picture; for 20 s: do it. Bad for 30 s: the telephone is better.
    """
    if run.bad * WINDOW_S >= 30:
        return Counsel(level, "telephone", False)
    if run.poor * WINDOW_S >= 20:
        return Counsel(level, "audio_only", True)
    if run.poor * WINDOW_S >= 10:
        return Counsel(level, "audio_only", False)
    return Counsel(level, "none" if level is Level.GOOD else "reduce", level is not Level.GOOD)


def is_good(window: Window) -> bool:
    """Whether speech was easy: what the share of good windows counts."""
    return audio_mos(window.rtt_ms, window.jitter_buffer_ms, window.concealed_ratio) >= GOOD_MOS


def _falling(value: float, good: float, fair: float, poor: float) -> Level:
    if value >= good:
        return Level.GOOD
    if value >= fair:
        return Level.FAIR
    return Level.POOR if value >= poor else Level.BAD


def _rising(value: float, good: float, fair: float, poor: float) -> Level:
    if value < good:
        return Level.GOOD
    if value < fair:
        return Level.FAIR
    return Level.POOR if value < poor else Level.BAD
