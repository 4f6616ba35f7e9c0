"""Topics are read strictly and written back the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.errors import TopicError
from devices.keys.topics import Direction, Topic, subscription

IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
NAMES = st.from_regex(r"\A[a-z][a-z0-9-]{0,31}\Z")


@given(st.builds(Topic, IDS, NAMES, IDS, st.sampled_from(Direction), NAMES))
def test_a_topic_written_and_parsed_is_the_same_topic(topic: Topic) -> None:
    assert Topic.parse(str(topic)) == topic


def test_a_topic_is_the_text_the_protocol_names() -> None:
    topic = Topic("kbh", "lock", "5f0c9a7b", Direction.UP, "answer")

    assert str(topic) == "omsorgstid/v1/kbh/lock/5f0c9a7b/up/answer"
    assert subscription("kbh", "+", "+", Direction.UP) == "omsorgstid/v1/kbh/+/+/up/#"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("omsorgstid/v1/kbh/lock/a/up", "levels", id="too short"),
        pytest.param("omsorgstid/v1/kbh/lock/a/up/evt/x", "levels", id="too long"),
        pytest.param("omsorgstid/v2/kbh/lock/a/up/evt", "prefix", id="another version"),
        pytest.param("other/v1/kbh/lock/a/up/evt", "prefix", id="another product"),
        pytest.param("omsorgstid/v1/kbh/lock/a/down/evt", "direction", id="another direction"),
        pytest.param("omsorgstid/v1//lock/a/up/evt", "tenant", id="no tenant"),
        pytest.param("omsorgstid/v1/kbh/Lock/a/up/evt", "kind", id="capital kind"),
        pytest.param("omsorgstid/v1/kbh/lock/+/up/evt", "id", id="a wildcard"),
        pytest.param("omsorgstid/v1/kbh/lock/a/up/#", "name", id="another wildcard"),
        pytest.param("omsorgstid/v1/kbh/lock/a/up/evt\n", "name", id="a line end"),
        pytest.param("omsorgstid/v1/kbh/lock/Åse/up/evt", "id", id="a name of a person"),
    ],
)
def test_a_wrong_topic_says_which_part(text: str, part: str) -> None:
    with pytest.raises(TopicError) as caught:
        Topic.parse(text)

    assert (caught.value.code, caught.value.facts["part"]) == ("topic_malformed", part)
