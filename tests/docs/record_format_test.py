"""`tfrecords/README.md` describes the records as `features.py` makes them, and its example runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from tests.testing import REPOSITORY

README = (REPOSITORY / "tfrecords" / "README.md").read_text(encoding="utf-8")
STORED = {"always": "always", "derived": "never: the reader makes it", "decoding": "for decoding"}


def test_the_feature_table_is_documented_row_by_row():
    rows = re.findall(r"^\| `(\w+)` \| `(\[\w*\] \w+)` \| ([^|]+) \|", README, re.MULTILINE)

    assert rows == [
        (spec.name, f"[{', '.join(spec.shape)}] {spec.dtype}", STORED[spec.storage]) for spec in QA_FEATURES
    ]


def test_the_example_reads_the_sample():
    if not list((REPOSITORY / "tfrecords" / "sample").glob("train-*.tfrecord")):
        pytest.skip("tfrecords/sample is not there")
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert done.returncode == 0, done.stderr
    window, answer = done.stdout.splitlines()
    assert window.startswith("[CLS] ")
    assert answer.removeprefix("answer: ") in window
