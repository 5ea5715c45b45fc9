r"""Checks that an export works in the oldest supported TensorFlow, 2.16 with its own tensorflow-text.

    python experiments/serving_compat/serving_compat.py --python=.venv-tf2.16/bin/python [--model_dir=RUN] \
      [--questions=FILE]

`make serving-compat` makes that environment and runs this. The model is exported here (without --model_dir, it is
MiniLM with an untrained head). In the other environment, the module that checks every new export runs both folders:
`qa_ids` before tensorflow-text is loaded, then `qa`, then the warm-up requests. Answers and logits must equal those of
this environment. The list of ops in `exporting/op_inventory.py` is compared with the ops that the other TensorFlow
registers. The script prints one line for each check, and exits with status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder, load_encoder
from bert_qa_tf.exporting import exporter, fresh_process, op_inventory, parity
from bert_qa_tf.tasks.question_answering.config import QuestionAnsweringConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering
from bert_qa_tf.training.run_directory import LoadedRun, load_run

_NAMES = ("qa", "qa_ids")
_MAX_ROWS_OF_IDS = 40

_REGISTERED = """
import json, sys
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session
ops = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
json.dump([tf.__version__, [op.name for op in ops.op]], sys.stdout)
"""


def main(argv: Sequence[str]) -> int:
    """Exports a model, runs it in the other environment, and compares the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="of the other environment")
    parser.add_argument("--model_dir", help="a run directory; an untrained MiniLM without one")
    parser.add_argument("--questions", help="a SQuAD-form file to ask, beside the built-in questions")
    parser.add_argument("--count", type=int, default=200, help="of its questions, evenly spread")
    options = parser.parse_args(argv)
    version, failed = _compare_ops(options.python)
    run = _untrained() if options.model_dir is None else load_run(options.model_dir)
    examples = run.task.built_in_examples()
    if options.questions:
        examples += exporter.spread(read_squad(options.questions), options.count)
    with tempfile.TemporaryDirectory() as folder:
        written = exporter.export_model(run.task, run.model, run.tokenizer, folder)
        # Side by side without their versions, as the check of a new export finds them.
        os.makedirs(f"{folder}/unversioned")
        for name, target in zip(_NAMES, (written.text_dir, written.ids_dir), strict=True):
            os.symlink(target, f"{folder}/unversioned/{name}")
        failed |= _compare_answers(run, examples, f"{folder}/unversioned", options.python, version)
    return int(failed)


def _compare_ops(python: str) -> tuple[str, bool]:
    """The other TensorFlow's version, and whether the list of newer ops is another than the two registries say."""
    version, older = _registered_ops(python)
    # In a process of its own too: tensorflow-text has registered its ops in this one.
    _, today = _registered_ops(sys.executable)
    newer = today - older
    missing, extra = newer - op_inventory.NEWER_THAN_2_16, op_inventory.NEWER_THAN_2_16 - newer
    print(f"TensorFlow {version} registers {len(older)} ops; {len(newer)} of today's are not among them")
    for what, names in (("not listed", missing), ("listed, but not newer", extra)):
        if names:
            print(f"  {what}: {', '.join(sorted(names))}")
    return version, bool(missing or extra)


def _registered_ops(python: str) -> tuple[str, set[str]]:
    """The version of an environment's TensorFlow, and the ops that it registers by itself."""
    done = subprocess.run([python, "-c", _REGISTERED], capture_output=True, text=True, check=True)
    version, names = json.loads(done.stdout)
    return version, set(names)


def _untrained() -> LoadedRun:
    pretrained = load_encoder("minilm")
    model = build_span_model(build_pretrained_encoder(pretrained), initializer_range=1.0)
    return LoadedRun(QuestionAnswering(QuestionAnsweringConfig()), model, pretrained.tokenizer, config={}, step=0)


def _compare_answers(run: LoadedRun, examples: Sequence[SquadExample], folder: str, python: str, version: str) -> bool:
    """Runs both exports in the other environment, and returns whether anything differs."""
    task, tolerance = run.task, parity.tolerance_of(run.model)
    rows = task.model_inputs(examples[:_MAX_ROWS_OF_IDS], run.tokenizer)
    reply = fresh_process.ask(folder, _NAMES, task.to_columns(examples), rows, python)
    found = task.from_columns(reply["columns"], examples)
    answers = task.compare(run.answerer(), examples, found, tolerance)
    print(
        f"qa: {answers.same} of {answers.total} answers are the same, {len(answers.ties)} ties, "
        f"{len(answers.wrong)} other"
    )
    for line in answers.wrong:
        print(f"  {line}")
    failed = bool(answers.wrong)
    for name in _NAMES:
        difference, output = parity.largest_difference(run.model, rows, reply[name])
        print(f"{name}, serve_ids: logits differ by at most {difference:.2g} ({output}), allowed {tolerance}")
        failed |= not difference <= tolerance
    print(f"{reply['warmed_up']} warm-up requests replayed in TensorFlow {version}")
    return failed or not reply["warmed_up"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
