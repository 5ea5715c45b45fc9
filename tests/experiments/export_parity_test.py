"""A small run of `experiments/export_parity/fuzz_export.py`, and that it would find what it looks for."""

import runpy

import numpy as np
import pytest

from tests.testing import REPOSITORY

FUZZ = runpy.run_path(str(REPOSITORY / "experiments" / "export_parity" / "fuzz_export.py"))
CONTEXT = "😀 the cat sat".encode()


def outputs(**changes):
    """What `serving_default` says of one text: "cat", with "the" behind it and a place that fills the list."""
    good = {
        "answer": np.array([b"cat"], object),
        "answer_start": np.array([6]),
        "answer_end": np.array([9]),
        "nbest_answer": np.array([[b"cat", b"the", b""]], object),
        "nbest_start": np.array([[6, 2, 0]]),
        "nbest_score": np.array([[0.7, 0.3, 0.0]]),
    }
    return good | changes


@pytest.mark.slow
def test_whatever_comes_in_the_answers_stand_where_they_say(tiny_export, capsys):
    assert FUZZ["main"]([tiny_export.qa_dir, "--count=300", "--long_texts=0", "--seed=1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("300 questions (")
    assert all(kind in printed for kind in FUZZ["KINDS"])
    assert printed.endswith(" 0 problems\n")


def test_texts_are_of_every_kind_and_the_same_each_time():
    batches = list(FUZZ["make_batches"](500, seed=3))
    kinds = {kind for batch in batches for kind, _ in batch}
    assert kinds == set(FUZZ["KINDS"])
    assert sum(len(batch) for batch in batches) == 500
    assert batches == list(FUZZ["make_batches"](500, seed=3))
    assert any(b"\xf0\x9f\x98" in pair[1] and b"\xff" in pair[1] for batch in batches for _, pair in batch)


def test_a_right_answer_is_no_problem():
    assert FUZZ["problems"](outputs(), [CONTEXT]) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer_start": np.array([7]), "answer_end": np.array([10])}, "'cat' does not stand at 7 to 10"),
        ({"answer_end": np.array([99])}, "'cat' does not stand at 6 to 99"),
        ({"nbest_start": np.array([[6, 3, 0]])}, "runner-up 'the' does not stand at 3"),
        ({"nbest_score": np.array([[0.3, 0.7, 0.0]])}, "scores"),
        ({"nbest_score": np.array([[np.nan, 0.3, 0.0]])}, "scores"),
    ],
)
def test_a_wrong_place_or_score_is_found(changes, message):
    [problem] = FUZZ["problems"](outputs(**changes), [CONTEXT])
    assert message in problem
