"""When a kiosk may answer by itself."""

from datetime import UTC, datetime

import pytest

from video.rules import may_answer_itself


@pytest.mark.parametrize(
    ("utc_hour", "minute", "allowed"),
    [(6, 59, False), (7, 0, True), (12, 0, True), (18, 59, True), (19, 0, False)],  # Danish winter time is UTC + 1
)
def test_a_kiosk_answers_by_itself_between_eight_and_twenty_in_denmark(
    utc_hour: int, minute: int, allowed: bool
) -> None:
    now_at = datetime(2026, 11, 25, utc_hour, minute, tzinfo=UTC)

    assert may_answer_itself(True, now_at) is allowed
    assert not may_answer_itself(False, now_at)
