"""Reads HeySQuAD, SQuAD's questions as people asked them aloud (Wu et al. 2023, arXiv:2304.13689).

Layout: the cards of huggingface.co/datasets/yijingwu/HeySQuAD_human and of its copy fixie-ai/HeySQuAD_human. The
columns are `audio`, `transcription` (what a recogniser heard), `question` (as written), `context`, `answers` and
`plausible_answers` as lists of structs, `is_impossible`, `id`. The sound is not loaded. The JSON files of
github.com/yijingjoanna/HeySQuAD are in SQuAD form and need no reader of their own.
"""

from __future__ import annotations

import functools

from bert_qa_tf.tasks.question_answering.reading.datasets.rows import Layout, read_row

_OPTIONAL = ("id", "title", "is_impossible", "plausible_answers")
# With the question as it was heard, which is what a model will be asked.
LAYOUT = Layout(
    "heysquad",
    ("transcription", "question", "context", "answers"),
    _OPTIONAL,
    functools.partial(read_row, question="transcription"),
)
# With the question as it was written.
WRITTEN = Layout("heysquad_written", LAYOUT.required, _OPTIONAL, read_row)
