r"""Compares an export's answers to all questions of a file with its checkpoint's, in float32 and bfloat16.

    python experiments/export_parity/export_parity.py --model_dir=runs/release/run \
      --eval_file=spoken_test-v1.1.json [--output=FILE]

The checkpoint answers as in `evaluate`, with decoding in NumPy; the SavedModel's `serving_default` tokenizes, windows
and decodes in its graph. The export is written to a folder that is removed at the end. For each type, the script prints
how many answers are the same, each tie (an answer whose score by the checkpoint is equal up to rounding) and each other
difference; then how many bfloat16 answers equal those of float32. It exits with status 1 if fewer than 99.9 % are the
same in float32, ties aside.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Sequence

from tqdm import tqdm

from bert_qa_tf.exporting import exporter, parity
from bert_qa_tf.exporting.exported_model import ExportedModel
from bert_qa_tf.tasks.base import Comparison
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.training.run_directory import load_run

_ASKED = 0.999


def main(argv: Sequence[str]) -> int:
    """Compares, prints, and tells whether float32 meets what is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--eval_file", required=True)
    parser.add_argument("--checkpoint", default="best", choices=["best", "last"])
    parser.add_argument("--output", type=pathlib.Path, help="write the lines here too")
    options = parser.parse_args(argv)
    examples = read_squad(options.eval_file)
    lines = [f"{len(examples):,} questions of `{pathlib.Path(options.eval_file).name}`", ""]
    found: dict[str, list[DecodedAnswer]] = {}
    share = 0.0
    for dtype in ("float32", "bfloat16"):
        found[dtype], comparison = _compare(options.model_dir, options.checkpoint, dtype, examples)
        settled = comparison.total - len(comparison.ties)
        if dtype == "float32":
            share = comparison.same / max(settled, 1)
        lines += [
            f"* {dtype}: {comparison.same:,} of {comparison.total:,} answers are the checkpoint's "
            f"({100 * comparison.same / comparison.total:.3f} %), {len(comparison.ties)} ties, "
            f"{len(comparison.wrong)} other",
            *(f"  * tie: {line}" for line in comparison.ties),
            *(f"  * other: {line}" for line in comparison.wrong),
        ]
    same = sum(_place(one) == _place(other) for one, other in zip(found["float32"], found["bfloat16"], strict=True))
    lines.append(
        f"* the bfloat16 export gives the float32 export's answer to {same:,} of {len(examples):,} questions "
        f"({100 * same / len(examples):.2f} %)"
    )
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return int(share < _ASKED)


def _compare(
    model_dir: str, checkpoint: str, dtype: str, examples: Sequence[SquadExample]
) -> tuple[list[DecodedAnswer], Comparison]:
    """The answers of a new export, and how they compare with its checkpoint's; both compute in `dtype`."""
    run = load_run(model_dir, checkpoint, dtype)
    with tempfile.TemporaryDirectory() as folder:
        written = exporter.export_model(run.task, run.model, run.tokenizer, folder)
        answers = ExportedModel(written.text_dir).answer(examples)
        found = list(tqdm(answers, desc=dtype, total=len(examples), disable=not sys.stderr.isatty()))
    return found, run.task.compare(run.answerer(), examples, found, parity.tolerance_of(run.model))


def _place(answer: DecodedAnswer) -> tuple[str, int, int]:
    return answer.text, answer.start_char, answer.end_char


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
