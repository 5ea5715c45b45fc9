"""Helpers for the tests: where real data is, and tiny things that are quick to build."""

from __future__ import annotations

import os
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TESTDATA = REPOSITORY / "tests" / "testdata"
_SHARED_DATA = pathlib.Path(os.environ.get("BERT_QA_TF_DATA", REPOSITORY.parent / "shared" / "data"))


def shared_data(*parts: str) -> pathlib.Path:
    """The path of a real data file; skips the calling test, saying so, where it is absent."""
    path = _SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data not at hand: {path} (set BERT_QA_TF_DATA)")
    return path
