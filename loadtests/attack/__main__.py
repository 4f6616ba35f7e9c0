"""``python -m loadtests.attack``: the attack suite."""

import sys

import structlog

from loadtests.attack.run import run_attacks, table


def main() -> int:
    """Run, print, and end with 0 if every attack was refused."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    lines = run_attacks(tell=lambda name: print(f"… {name}", file=sys.stderr))
    print(table(lines))
    succeeded = [line.name for line in lines if not line.refused]
    print(
        f"\n{len(lines)} attacks, {len(lines) - len(succeeded)} refused"
        + "".join(f"\nSUCCEEDED: {s}" for s in succeeded)
    )
    return 1 if succeeded else 0


if __name__ == "__main__":
    sys.exit(main())
