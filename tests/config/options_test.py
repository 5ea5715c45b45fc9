import dataclasses
import json
from typing import Literal

import pytest

from bert_qa_tf.config.options import from_json, from_options, option, options_of, replace_options
from bert_qa_tf.errors import InputError


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


@dataclasses.dataclass(frozen=True)
class Week:
    days: tuple[str, ...] = option((), "Which.", expected="names of days")
    ends: tuple[int, ...] = option((6, 7), "Which are free.", expected="numbers of days, as 6,7")
    first: Literal["monday", "sunday"] = option("monday", "Which comes first.")
    note: str | None = option(None, "What to say.")
    day: Day = Day()
    length: int = 7


def test_options_know_their_kinds_and_what_is_no_option_is_none():
    assert [(one.name, one.kind, one.choices) for one in options_of(Week)] == [
        ("days", tuple, ()),
        ("ends", tuple, ()),
        ("first", str, ("monday", "sunday")),
        ("note", str, ()),
        ("name", str, ()),
        ("rain_mm", tuple, ()),
        ("rain_hours", int, ()),
    ]


def test_options_of_nested_settings_are_replaced_in_their_place():
    assert replace_options(Week(), {"name": "friday", "note": "late"}) == Week(day=Day("friday"), note="late")


def test_what_is_no_option_is_not_replaced():
    assert replace_options(Week(), {"length": 8, "of_another": 1}) == Week()


def test_words_become_what_the_field_holds():
    assert from_options(Week, {"days": ["a", "b"], "ends": ["1"]}) == Week(("a", "b"), (1,))
    with pytest.raises(InputError, match=r"^--ends=1,two: expected numbers of days, as 6,7$"):
        from_options(Week, {"ends": ["1", "two"]})


@pytest.mark.parametrize("week", [Week(), Week(("a",), (1, 2), note="x", day=Day("friday", Rain((0.5,))), length=8)])
def test_settings_come_back_from_json(week):
    assert from_json(Week, json.loads(json.dumps(dataclasses.asdict(week)))) == week


def test_settings_older_than_a_field_have_its_default():
    assert from_json(Week, {"days": ["a"], "day": {"name": "friday"}}) == Week(("a",), day=Day("friday"))


@pytest.mark.parametrize("values", [{"months": 12}, {"day": {"month": 1}}, {"day": 3}])
def test_settings_of_another_shape_are_no_settings(values):
    with pytest.raises(InputError, match="settings: "):
        from_json(Week, values)
