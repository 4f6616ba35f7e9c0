"""Progress for the person at the terminal: one line that moves, on standard error."""

import sys
import time


class Reporter:
    """Says what the demo is doing."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._began_s = time.monotonic()

    def step(self, text: str) -> None:
        """A step that begins."""
        start = "\r" if self._tty else ""
        sys.stderr.write(f"{start}[{time.monotonic() - self._began_s:5.1f} s] {text:<70}\n")
        sys.stderr.flush()

    def bar(self, text: str, ratio: float) -> None:
        """How far a step is; only drawn for a person."""
        if self._tty:
            full = round(ratio * 30)
            sys.stderr.write(f"\r{'█' * full}{'░' * (30 - full)} {text:<45}")
            sys.stderr.flush()
