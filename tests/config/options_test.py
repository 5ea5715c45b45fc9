import dataclasses

import pytest

from bert_qa_tf.config.options import from_options, option, options_of, replace_options


@dataclasses.dataclass(frozen=True)
class Rain:
    mm: tuple[float, ...] = option(text="How much.", flag="rain_mm")
    hours: int = option(1, "How long.", flag="rain_hours")


@dataclasses.dataclass(frozen=True)
class Day:
    name: str = option("monday", "Which.")
    rain: Rain | None = option(None, switch="rain_mm")


def test_an_option_that_must_be_given_has_no_default():
    assert [(one.name, one.default) for one in options_of(Day)] == [
        ("name", "monday"),
        ("rain_mm", None),
        ("rain_hours", 1),
    ]
    with pytest.raises(TypeError, match="mm"):
        from_options(Rain, {"rain_hours": 2})


def test_nested_settings_are_there_if_their_switch_is_given():
    assert from_options(Day, {"rain_hours": 2}) == Day()
    assert from_options(Day, {"rain_mm": ["0.5", "2"]}) == Day(rain=Rain((0.5, 2.0)))
    assert replace_options(Day("friday"), {"rain_mm": ["3"], "rain_hours": 4}) == Day("friday", Rain((3.0,), 4))


def test_what_is_not_replaced_stays():
    day = Day("sunday", Rain((1.0,), 3))
    assert replace_options(day, {"rain_hours": 5}) == Day("sunday", Rain((1.0,), 5))
