"""`tfrecords/README.md` describes the records as `features.py` makes them, and its example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from bert_qa_tf.records.index import INDEX_DTYPE
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from tests.testing import REPOSITORY

README = (REPOSITORY / "tfrecords" / "README.md").read_text(encoding="utf-8")
STORED = {"always": "always", "derived": "never: the reader makes it", "decoding": "for decoding"}


def test_the_feature_table_is_documented_row_by_row():
    rows = re.findall(r"^\| `(\w+)` \| `(\[\w*\] \w+)` \| ([^|]+) \|", README, re.MULTILINE)

    assert rows == [
        (spec.name, f"[{', '.join(spec.shape)}] {spec.dtype}", STORED[spec.storage]) for spec in QA_FEATURES
    ]


def test_the_index_is_documented_field_by_field():
    rows = re.findall(r"^\| `(\w+)` \| `([<\w]+)` \|", README, re.MULTILINE)

    assert np.dtype(rows).newbyteorder("<") == INDEX_DTYPE
    assert f"a row of {INDEX_DTYPE.itemsize}\nbytes" in README


@pytest.mark.slow
def test_the_examples_read_the_sample():
    if not list((REPOSITORY / "tfrecords" / "sample").glob("train-*.tfrecord")):
        pytest.skip("tfrecords/sample is not there")
    one, some, index = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

    window, answer = _run(one).splitlines()
    assert window.startswith("[CLS] ")
    assert answer.removeprefix("answer: ") in window
    assert _run(some).startswith("136 [")
    assert _run(index).startswith("[  0 438 941] 104.3")


def _run(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
