"""The targets of the business cases as text: each figure with its document and line."""

from collections.abc import Mapping, Sequence

from kernel.localtime import number_text
from metrics.business_case import BusinessCase
from metrics.targets import TargetYear


def target_text(cases: Mapping[str, BusinessCase], rows: Sequence[TargetYear]) -> str:
    """A block per case: years with both readings, then the contradictions of the document."""
    lines: list[str] = []
    for case_id in sorted({r.case_id for r in rows}):
        lines += [
            f"{case_id}",
            f"{'year':>6} {'stated h':>10} {'implied h':>10} {'wage saving kr.':>16}  lines",
        ]
        for row in (r for r in rows if r.case_id == case_id):
            where = f"{row.document}:{', '.join(str(n) for n in row.lines)}"
            lines.append(
                f"{row.year:>6} {number_text(row.stated_s / 3600):>10} {number_text(row.implied_s / 3600):>10} "
                f"{number_text(row.wage_saving_dkk_ore / 100):>16}  {where}"
            )
        lines += ["", "contradictions:"]
        lines += [
            f"  § {c.id} (lines {', '.join(str(n) for n in c.lines)}): {c.text_en}"
            for c in cases[case_id].contradictions
        ]
        lines.append("")
    return "\n".join(lines)
