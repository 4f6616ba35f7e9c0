"""Codes that a planner reads out."""

from devices.keys.codes import CODE_DIGITS, code_key, in_groups, spoken_code

SECRET = bytes(range(32))


def test_a_code_is_of_one_door_one_shift_one_installation_and_one_use() -> None:
    code = spoken_code(SECRET, "2026-11-25.c1", "door-1", 0)

    assert len(code) == CODE_DIGITS
    assert code.isdigit()
    assert code == spoken_code(SECRET, "2026-11-25.c1", "door-1", 0)
    others = {
        spoken_code(bytes(32), "2026-11-25.c1", "door-1", 0),
        spoken_code(SECRET, "2026-11-25.c2", "door-1", 0),
        spoken_code(SECRET, "2026-11-25.c1", "door-2", 0),
        spoken_code(SECRET, "2026-11-25.c1", "door-1", 1),
    }
    assert len(others | {code}) == 5


def test_a_code_is_printed_in_groups_of_four() -> None:
    assert in_groups("482190375516") == "4821 9037 5516"


def test_the_same_code_is_another_key_for_another_grant() -> None:
    assert code_key("482190375516", b"a" * 16) != code_key("482190375516", b"b" * 16)
