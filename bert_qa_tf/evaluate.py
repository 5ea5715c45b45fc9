"""Scores models, or anybody's predictions, on SQuAD-form files, side by side.

python -m bert_qa_tf.evaluate --model_dir=runs/first --eval_file=spoken_test-v1.1.json
python -m bert_qa_tf.evaluate --model_dir=runs/a --model_dir=runs/b --eval_file=test.json --eval_file=noisy.json
python -m bert_qa_tf.evaluate --predictions_file=predictions.json --eval_file=test.json
python -m bert_qa_tf.evaluate --model_dir=runs/first --word_overlap --eval_file=test.json
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from absl.flags import FlagValues
from tqdm import tqdm

from bert_qa_tf import cli, flags
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering import evaluation, report, word_overlap
from bert_qa_tf.tasks.question_answering import metrics as squad_metrics
from bert_qa_tf.tasks.question_answering.decoding import Predictions
from bert_qa_tf.tasks.question_answering.squad_reader import read_squad

if TYPE_CHECKING:  # they import TensorFlow
    from bert_qa_tf.tasks.question_answering.question_files import Answerer
    from bert_qa_tf.text.tokenization import BertTokenizer

# How the baseline is called in tables and folders.
_WORD_OVERLAP = "best word overlap"

FLAG_GROUPS = (
    flags.define_model_source,
    flags.define_inference,
    flags.define_decoding_overrides,
    flags.define_evaluation,
)


def main(values: FlagValues) -> None:
    """Scores every model on every file and prints a table for each file."""
    _check_flags(values)
    references = [
        evaluation.FileReference.of(path, read_squad(path, require_answers=True)) for path in values.eval_file
    ]
    results: list[dict[str, Any]] = [{} for _ in references]
    for name, directory, answerer, tokenizer, step in _models(values):
        if directory:  # made now: that it cannot be written to should be known before the model has run for minutes
            for reference in references:
                files.make_folder(f"{directory}/{_stem(reference.path)}")
        for reference, by_model in zip(references, results, strict=True):
            if answerer is None:
                metrics, predictions = _score_texts(name, reference, values.predictions_file), None
            else:
                predictions = _answer_all(answerer, reference)
                metrics = evaluation.evaluate(
                    reference,
                    predictions.predictions,
                    answers=predictions.answers,
                    tokenizer=tokenizer,
                    null_odds=predictions.null_odds,
                    source=name,
                )
            metrics["model"] = name
            if step is not None:
                metrics["step"] = step
            by_model[name] = metrics
            if directory:
                target = f"{directory}/{_stem(reference.path)}"
                evaluation.write_results(target, metrics, predictions)
                print(f"wrote {target}/metrics.json")
    for reference, by_model in zip(references, results, strict=True):
        print()
        print(report.format_table(os.path.basename(reference.path), by_model))


def _check_flags(values: FlagValues) -> None:
    if not values.eval_file:
        raise InputError("--eval_file is missing: which file should be scored?")
    sources = len(values.model_dir) + len(values.saved_model)
    if (sources and values.predictions_file) or not (sources or values.predictions_file or values.word_overlap):
        raise InputError("give either models (--model_dir, --saved_model) or --predictions_file")
    stems = [_stem(path) for path in values.eval_file]
    if len(set(stems)) != len(stems):
        raise InputError("two of the --eval_file have the same name, so their results would overwrite each other")


class _Model(NamedTuple):
    """What is scored: its name, where its results go, what answers, and its tokenizer and step where they are known."""

    name: str
    directory: str | None
    answerer: Answerer | None
    tokenizer: BertTokenizer | None = None
    step: int | None = None


def _models(values: FlagValues) -> Iterator[_Model]:
    """One model at a time, since each fills memory."""
    several = len(values.model_dir) + len(values.saved_model) + bool(values.predictions_file) + values.word_overlap > 1
    if values.predictions_file:
        yield _Model(values.predictions_file, _directory(values.output_dir, values.predictions_file, several), None)
    for path in values.model_dir:
        from bert_qa_tf.tasks.question_answering.predictor import Predictor
        from bert_qa_tf.training.run_directory import EVAL_DIR, load_run

        path = path.rstrip("/")
        run = load_run(path, values.checkpoint, values.inference_dtype)
        decoding = flags.override_decoding(values, run.decoding)
        predictor = Predictor(run.model, run.tokenizer, run.windowing, decoding, values.batch_size)
        directory = _directory(values.output_dir, path, several) or f"{path}/{EVAL_DIR}"
        yield _Model(path, directory, predictor, run.tokenizer, run.step)
    for path in values.saved_model:
        from bert_qa_tf.exporting.exported_model import ExportedModel

        path = path.rstrip("/")
        yield _Model(path, _directory(values.output_dir, path, several), ExportedModel(path, values.batch_size))
    if values.word_overlap:
        yield _Model(_WORD_OVERLAP, _directory(values.output_dir, _WORD_OVERLAP, several), None)


def _score_texts(name: str, reference: evaluation.FileReference, predictions_file: str | None) -> dict[str, Any]:
    """What is answered without a model."""
    if name != _WORD_OVERLAP:
        return evaluation.evaluate(reference, squad_metrics.read_predictions(predictions_file), source=predictions_file)
    overlap = word_overlap.best_word_overlap(reference.examples)
    print(f"{_WORD_OVERLAP}, {os.path.basename(reference.path)}: {overlap.variant}")
    return {**evaluation.evaluate(reference, overlap.predictions, source=name), "variant": str(overlap.variant)}


def _directory(output_dir: str | None, model: str, several: bool) -> str | None:
    return f"{output_dir}/{model.replace('/', '_').replace(' ', '_')}" if output_dir and several else output_dir


def _answer_all(answerer: Answerer, reference: evaluation.FileReference) -> Predictions:
    predictions = Predictions()
    answers = answerer.answer(reference.examples)
    total = len(reference.examples)
    progress = tqdm(
        answers, total=total, desc=_stem(reference.path), unit=" questions", disable=not sys.stderr.isatty()
    )
    for example, answer in zip(reference.examples, progress, strict=True):
        predictions.add(example.qas_id, answer)
    return predictions


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
