"""Audio by the E-model against published check values, levels by their limits, advice by how long it lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video.quality import Counsel, Level, Run, Window, audio_mos, counsel, is_good, level_of


@pytest.mark.parametrize(
    ("rtt_ms", "jitter_ms", "concealed", "with_fec", "without"),
    [
        (20, 40, 0.0, 4.37, 4.37),
        (120, 80, 0.01, 4.19, 4.05),
        (250, 130, 0.015, 3.56, 3.28),
        (350, 120, 0.05, 2.65, 2.01),
    ],
)
def test_audio_is_scored_as_the_e_model_says(
    rtt_ms: float, jitter_ms: float, concealed: float, with_fec: float, without: float
) -> None:
    assert audio_mos(rtt_ms, jitter_ms, concealed) == pytest.approx(with_fec, abs=0.006)
    assert audio_mos(rtt_ms, jitter_ms, concealed, bpl=10.0) == pytest.approx(without, abs=0.006)


@pytest.mark.parametrize(
    ("window", "level"),
    [
        (Window(20, 40, 0.0, 20, 0.0), Level.GOOD),
        (Window(20, 40, 0.0, None, None), Level.GOOD),  # no picture is no bad picture
        (Window(20, 40, 0.0, 10, 0.0), Level.FAIR),
        (Window(20, 40, 0.0, 20, 0.03), Level.FAIR),
        (Window(20, 40, 0.0, 5, 0.0), Level.POOR),
        (Window(20, 40, 0.0, 0, 1.0), Level.POOR),  # a frozen picture does not make speech bad
        (Window(300, 60, 0.0, 20, 0.0), Level.FAIR),
        (Window(350, 120, 0.05, 20, 0.0), Level.BAD),
        (Window(20, 40, 0.12, 20, 0.0), Level.BAD),
        (Window(20, 40, 0.03, 20, 0.0), Level.FAIR),
    ],
)
def test_a_window_is_as_good_as_its_worst_part(window: Window, level: Level) -> None:
    assert level_of(window) is level


def advice_of(levels: list[Level]) -> Counsel:
    run, told = Run(), Counsel(Level.GOOD, "none", False)
    for level in levels:
        run = run.after(level)
        told = counsel(level, run)
    return told


@pytest.mark.parametrize(
    ("levels", "advice", "automatic"),
    [
        ([Level.GOOD], "none", False),
        ([Level.FAIR], "reduce", True),
        ([Level.POOR], "reduce", True),
        ([Level.POOR] * 2, "audio_only", False),
        ([Level.POOR] * 3, "audio_only", False),
        ([Level.POOR] * 4, "audio_only", True),
        ([Level.POOR] * 9, "audio_only", True),
        ([Level.BAD] * 5, "audio_only", True),
        ([Level.BAD] * 6, "telephone", False),
        ([Level.BAD] * 6 + [Level.GOOD], "none", False),
    ],
)
def test_advice_grows_with_how_long_it_lasts_and_ends_with_it(
    levels: list[Level], advice: str, automatic: bool
) -> None:
    told = advice_of(levels)

    assert (told.advice, told.automatic) == (advice, automatic)


@given(
    st.floats(0, 5_000), st.floats(0, 5_000), st.floats(0, 1), st.floats(0, 1_000), st.floats(0, 1_000), st.floats(0, 1)
)
def test_more_delay_or_loss_never_sounds_better(
    rtt: float, jitter: float, loss: float, more_rtt: float, more_jitter: float, more_loss: float
) -> None:
    worse = audio_mos(rtt + more_rtt, jitter + more_jitter, min(1.0, loss + more_loss))

    assert 1.0 <= worse <= audio_mos(rtt, jitter, loss) + 1e-9 <= 4.5 + 1e-9


def test_a_good_window_is_one_in_which_speech_is_easy() -> None:
    assert is_good(Window(250, 130, 0.015, 0, 1.0))
    assert not is_good(Window(350, 120, 0.05, 30, 0.0))
