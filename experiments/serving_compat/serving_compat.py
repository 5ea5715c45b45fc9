r"""An export in the oldest TensorFlow that is promised, 2.16 with its own tensorflow-text: loaded, asked, compared.

    python experiments/serving_compat/serving_compat.py --python=.venv-tf2.16/bin/python [--model_dir=RUN] \
      [--questions=FILE]

`make serving-compat` makes that environment and runs this. The model is exported here (without --model_dir, MiniLM with
a head that was never trained), and both folders are asked in the other environment by the module that also checks every
export after it was written: `qa_ids` before tensorflow-text is loaded, then `qa`, then the warm-up requests. Answers
and logits must be those of this environment. The list of ops in `exporting/op_inventory.py` is held against what the
other TensorFlow registers. Prints one line for each, and exits with status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import tf_keras

from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder, load_encoder
from bert_qa_tf.exporting import exporter, fresh_process, op_inventory
from bert_qa_tf.tasks.question_answering import export_parity
from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
from bert_qa_tf.tasks.question_answering.config import DecodingConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.windowing import featurize_examples
from bert_qa_tf.training.run_directory import load_run

_REGISTERED = """
import json, sys
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session
ops = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
json.dump([tf.__version__, [op.name for op in ops.op]], sys.stdout)
"""


def main(argv: Sequence[str]) -> int:
    """Exports, asks in the other environment, compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="of the other environment")
    parser.add_argument("--model_dir", help="a run directory; an untrained MiniLM without one")
    parser.add_argument("--questions", help="a SQuAD-form file to ask, beside the built-in questions")
    parser.add_argument("--count", type=int, default=200, help="of its questions, evenly spread")
    options = parser.parse_args(argv)
    version, failed = _compare_ops(options.python)
    model, predictor = _untrained() if options.model_dir is None else _trained(options.model_dir)
    examples = list(exporter.built_in_questions(predictor.windowing))
    if options.questions:
        examples += exporter.spread(read_squad(options.questions), options.count)
    with tempfile.TemporaryDirectory() as folder:
        written = exporter.export_model(model, predictor.tokenizer, predictor.windowing, predictor.decoding, folder)
        # Side by side without their versions, as the check of a new export finds them.
        for name, target in (("qa", written.qa_dir), ("qa_ids", written.ids_dir)):
            os.makedirs(f"{folder}/unversioned", exist_ok=True)
            os.symlink(target, f"{folder}/unversioned/{name}")
        failed |= _compare_answers(
            predictor, export_parity.tolerance_of(model), examples, f"{folder}/unversioned", options.python, version
        )
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


def _trained(model_dir: str) -> tuple[tf_keras.Model, QuestionAnswerer]:
    run = load_run(model_dir)
    return run.model, QuestionAnswerer(run.model, run.tokenizer, run.windowing, run.decoding)


def _untrained() -> tuple[tf_keras.Model, QuestionAnswerer]:
    pretrained = load_encoder("minilm")
    model = build_span_model(build_pretrained_encoder(pretrained), initializer_range=1.0)
    return model, QuestionAnswerer(model, pretrained.tokenizer, WindowingConfig(), DecodingConfig())


def _compare_answers(
    predictor: QuestionAnswerer,
    tolerance: float,
    examples: Sequence[SquadExample],
    folder: str,
    python: str,
    version: str,
) -> bool:
    """Asks both exports in the other environment; whether anything differs."""
    some = featurize_examples(examples[:40], predictor.tokenizer, predictor.windowing, lambda _: None)
    windows = [windows[0] for windows in some]
    reply = fresh_process.ask(folder, examples, fresh_process.model_inputs(windows), python)
    answers = export_parity.compare_answers(predictor, examples, reply["answers"], tolerance)
    print(
        f"qa: {answers.same} of {answers.total} answers are the same, {len(answers.ties)} ties, "
        f"{len(answers.wrong)} other"
    )
    for line in answers.wrong:
        print(f"  {line}")
    failed = bool(answers.wrong)
    for name in ("qa", "qa_ids"):
        difference, output = export_parity.largest_difference(predictor, windows, reply[name])
        print(f"{name}, serve_ids: logits differ by at most {difference:.2g} ({output}), allowed {tolerance}")
        failed |= not difference <= tolerance
    print(f"{reply['warmed_up']} warm-up requests replayed in TensorFlow {version}")
    return failed or not reply["warmed_up"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
