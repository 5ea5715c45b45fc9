import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from bert_qa_tf.config import schema
from bert_qa_tf.config.checks import require
from bert_qa_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Rain:
    share: float = 0.5
    kind: Literal["drizzle", "shower"] = "shower"

    def __post_init__(self) -> None:
        require(self.share <= 1, f"share must be at most 1, got {self.share}")


@dataclasses.dataclass(frozen=True)
class Day:
    name: str
    hours: tuple[int, ...] = ()
    span: tuple[int, int] | None = None
    rain: Rain | None = None
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    buckets: int | tuple[int, ...] = 8


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ({"name": "monday"}, Day("monday")),
        ({"name": "", "hours": [1, 2], "span": [3, 4]}, Day("", (1, 2), (3, 4))),
        ({"name": "a", "span": None, "rain": {"share": 1}}, Day("a", rain=Rain(1.0))),
        ({"name": "a", "notes": {"b": [1]}, "buckets": [1, 2]}, Day("a", notes={"b": [1]}, buckets=(1, 2))),
    ],
)
def test_an_object_becomes_a_dataclass(value, day):
    assert schema.read(Day, value, "day.json") == day


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "day.json: expected an object, got a list of 0"),
        ({}, "day.json: `name` is missing"),
        ({"name": 3}, "day.json: `name`: expected a string, got 3"),
        ({"name": "a", "day": 1}, "day.json: unknown `day`, expected name, hours, span, rain, notes, buckets"),
        ({"name": "a", "hours": [1, True]}, "day.json: `hours`[1]: expected a whole number, got true"),
        ({"name": "a", "hours": [1.5]}, "day.json: `hours`[0]: expected a whole number, got 1.5"),
        ({"name": "a", "hours": [2**63]}, "day.json: `hours`[0]: expected a whole number, got 9223372036854775808"),
        ({"name": "a", "hours": {"b": 1}}, "day.json: `hours`: expected a list, got an object with 1 keys"),
        ({"name": "a", "span": [1]}, "day.json: `span`: expected a list of 2, got a list of 1"),
        ({"name": "a", "rain": {"share": "1"}}, 'day.json: `rain`: `share`: expected a number, got "1"'),
        ({"name": "a", "rain": {"share": float("nan")}}, "day.json: `rain`: `share`: expected a number, got NaN"),
        ({"name": "a", "rain": {"share": 10**305}}, "day.json: `rain`: `share`: expected a number, got 1000"),
        ({"name": "a", "rain": {"share": 2}}, "day.json: `rain`: share must be at most 1, got 2.0"),
        ({"name": "a", "rain": {"kind": []}}, "day.json: `rain`: `kind`: expected one of drizzle, shower, got a list"),
        ({"name": "a", "notes": []}, "day.json: `notes`: expected an object, got a list of 0"),
        ({"name": "a", "buckets": "b"}, 'day.json: `buckets`: expected another type, got "b"'),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_place(value, message):
    with pytest.raises(InputError) as caught:
        schema.read(Day, value, "day.json")
    assert str(caught.value).startswith(message)


def test_keys_that_are_not_asked_for_may_be_ignored():
    assert schema.read(Day, {"name": "a", "more": 1}, "day.json", lenient=True) == Day("a")


def test_a_member_of_an_object_is_required():
    assert schema.member(float, {"a": 1}, "a", "b.json") == 1.0
    with pytest.raises(InputError, match=r"^b\.json: `a` is missing$"):
        schema.member(float, {}, "a", "b.json")
