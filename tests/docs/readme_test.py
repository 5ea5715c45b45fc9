"""The README is short, and what it shows of results is what the results give."""

from __future__ import annotations

import re

from tests.docs import pages
from tests.docs.results_test import transfer_table

README = pages.README.read_text(encoding="utf-8")
MOST_LINES = 200


def test_the_readme_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_the_rows_of_its_table_are_those_that_the_results_give():
    rows = re.findall(r"^\| .* \| +[\d.]+ / [\d.]+ \| +[\d.]+ / [\d.]+ \|$", README, re.MULTILINE)
    assert len(rows) == 3
    assert set(rows) <= set(transfer_table().splitlines())


def test_its_encoders_are_named_ones():
    from bert_qa_tf.encoders.sources.handles import MINILM, NAMED_MODULES

    (table,) = re.findall(r"^\| `--encoder_handle` \| for \|\n\|---\|---\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    handles = set(re.findall(r"`([\w-]+)`", table))
    assert handles <= {MINILM, *NAMED_MODULES}
    assert {MINILM, "bert-base-uncased"} <= handles
