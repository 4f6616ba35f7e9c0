"""``python -m loadtests.honesty``: run what is missing, append each run as a JSON line, write the table."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from loadtests.honesty.kinds import KINDS, MEASURED, Measured, kind_named
from loadtests.honesty.rules_alone import run_rules
from loadtests.honesty.run import Outcome, run
from loadtests.honesty.table import as_markdown, common_as_markdown, kinds_as_markdown, lines

#: Keys and routing come of the same shifts: one run gives both.
_TOGETHER: dict[Measured, Measured] = {"routing": "keys"}


def main() -> int:
    """Returns 1 where a figure is not honest: wrong without a warning, or claimed and not right."""
    asked = _arguments()
    technologies = list(dict.fromkeys(_TOGETHER.get(name, name) for name in asked.technology or MEASURED))
    names = asked.kind or [kind.name for kind in KINDS]
    done = {(o.technology, o.kind, o.seed) for o in _read(asked.results)}
    started_s = time.monotonic()
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    with asked.results.open("a", encoding="utf-8") as kept:
        # Seed by seed: whenever it is stopped, every kind has about as many runs.
        for seed in range(asked.runs):
            for name in names:
                for technology in technologies:
                    if technology not in kind_named(name).of or (technology, name, seed) in done:
                        continue
                    live = run if seed < asked.whole else run_rules
                    for outcome in live(technology, kind_named(name), seed):
                        kept.write(json.dumps(outcome.as_json()) + "\n")
                    kept.flush()
            if asked.minutes and time.monotonic() - started_s > 60 * asked.minutes:
                break
    found = lines(_read(asked.results))
    print(as_markdown(found))
    if asked.page is not None:
        parts = {"kinds": kinds_as_markdown(), "common": common_as_markdown(found), "table": as_markdown(found)}
        _write_page(asked.page, parts)
    wrong = [line for line in found if not line.honest]
    for line in wrong:
        print(f"not honest: {line.technology}, {line.kind.name}", file=sys.stderr)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.honesty", description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="runs per technology and kind (400)")
    parser.add_argument("--whole", type=int, default=20, help="of them through log, consumers and report (20)")
    parser.add_argument("--technology", action="append", choices=get_args(Measured), help="these only; repeat")
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS], help="these only; repeat")
    parser.add_argument("--minutes", type=float, default=0, help="stop after about so long, to be resumed later")
    parser.add_argument("--results", type=Path, default=Path("var/honesty.jsonl"), help="JSON lines to go on from")
    parser.add_argument("--page", type=Path, help="write the tables between the markers of this page")
    return parser.parse_args()


def _read(results: Path) -> Iterator[Outcome]:
    if not results.exists():
        return
    for text in results.read_text(encoding="utf-8").splitlines():
        values = json.loads(text)
        warnings = values["warnings"]
        yield Outcome(**values | {"warnings": None if warnings is None else tuple(warnings)})


def _write_page(page: Path, parts: Mapping[str, str]) -> None:
    text = page.read_text(encoding="utf-8")
    for part, content in parts.items():
        opening, closing = f"<!-- {part} -->\n", f"<!-- /{part} -->"
        before, _opening, rest = text.partition(opening)
        _old, found, after = rest.partition(closing)
        if not found:
            raise ValueError(f"Expected {opening.strip()} … {closing} in {page}.")
        text = f"{before}{opening}{content}{closing}{after}"
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
