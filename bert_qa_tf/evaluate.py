"""Scores models, or files of predictions, on labelled files, and shows the scores side by side.

python -m bert_qa_tf.evaluate --model_dir=runs/first --eval_file=spoken_test-v1.1.json
python -m bert_qa_tf.evaluate --model_dir=runs/a --model_dir=runs/b --eval_file=test.json --eval_file=noisy.json
python -m bert_qa_tf.evaluate --predictions_file=predictions.json --eval_file=test.json
python -m bert_qa_tf.evaluate --model_dir=runs/first --word_overlap --eval_file=test.json
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from absl.flags import FlagValues
from tqdm import tqdm

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation import results
from bert_qa_tf.storage import files, lock
from bert_qa_tf.tasks.base import Baseline, Evaluation, Task

_BASELINES = {flag: baseline.text for task in tasks.all_tasks() for flag, baseline in task.baselines().items()}

FLAG_GROUPS = (
    flags.define_model_source,
    flags.define_inference,
    flags.define_trust,
    *(flags.option_group(task.title, task.answering_config, overrides=True) for task in tasks.all_tasks()),
    flags.define_evaluation,
    flags.define_odd_items,
    *(flags.option_group(f"{task.title}: files to score on", task.reference_config) for task in tasks.all_tasks()),
    flags.switch_group("Baselines", _BASELINES),
)


def main(values: FlagValues) -> None:
    """Scores every model on every file and prints a table for each file."""
    _check_flags(values)
    task = _task(values)
    options = _options(values, task)
    reading = flags.task_config(values, task, "reference_config", tasks.all_tasks())
    _check_inputs(values, task)
    references = [task.read_reference(path, reading) for path in values.eval_file]
    by_file: list[dict[str, Any]] = [{} for _ in references]
    for scored in _all_scored(values, task, options):
        with contextlib.ExitStack() as stack:
            for reference in references if scored.directory else ():  # now, before the model has run
                target = f"{scored.directory}/{_stem(reference.path)}"
                results.check_folder(target, _read_files(values), values.overwrite)
                stack.enter_context(lock.held(f"{target}/{lock.LOCK_FILE}", target))
            for reference, by_model in zip(references, by_file, strict=True):
                by_model[scored.name] = _score(scored, reference)
    for reference, by_model in zip(references, by_file, strict=True):
        print()
        print(task.format_report(os.path.basename(reference.path.rstrip("/")), by_model))


def _score(scored: _Scored, reference: Any) -> dict[str, Any]:
    """Scores a model on a file, writes the results and returns its metrics."""
    evaluation = scored.evaluate(reference)
    metrics = {**evaluation.metrics, "model": scored.name}
    if scored.step is not None:
        metrics["step"] = scored.step
    if scored.directory:
        target = f"{scored.directory}/{_stem(reference.path)}"
        results.write_results(target, metrics, evaluation.files)
        print(f"wrote {target}/metrics.json")
    return metrics


def _read_files(values: FlagValues) -> list[str]:
    return [*values.eval_file, *([values.predictions_file] if values.predictions_file else [])]


def _check_flags(values: FlagValues) -> None:
    if not values.eval_file:
        raise InputError("--eval_file is missing: which file should be scored?")
    sources = len(values.model_dir) + len(values.saved_model)
    baselines = any(values[flag].value for flag in _BASELINES)
    if (sources and values.predictions_file) or not (sources or values.predictions_file or baselines):
        raise InputError("give either models (--model_dir, --saved_model) or --predictions_file")
    stems = [_stem(path) for path in values.eval_file]
    if len(set(stems)) != len(stems):
        raise InputError("two of the --eval_file have the same name, so their results would overwrite each other")


def _check_inputs(values: FlagValues, task: type[Task]) -> None:
    """Looks at all files and models before the first model is run."""
    files.check_inputs(
        [*task.input_files(values.eval_file), *([values.predictions_file] if values.predictions_file else [])]
    )
    for path in values.model_dir:
        from bert_qa_tf.training.run_directory import checkpoint_path, task_of

        path = path.rstrip("/")
        _check_task(path, type(task_of(path)), task)
        checkpoint_path(path, values.checkpoint)
    for path in values.saved_model:
        from bert_qa_tf.exporting import archive, task_file

        _check_task(path, task_file.task_of_export(archive.locate(path.rstrip("/"))), task)


def _task(values: FlagValues) -> type[Task]:
    """The task of the first model; the one that --task names if there is no model."""
    if values.model_dir:
        from bert_qa_tf.training.run_directory import task_of

        return type(task_of(values.model_dir[0].rstrip("/")))
    if values.saved_model:
        from bert_qa_tf.exporting import archive, task_file

        return task_file.task_of_export(archive.locate(values.saved_model[0].rstrip("/")), trust=values.trust)
    return tasks.find(values.task)


def _options(values: FlagValues, task: type[Task]) -> dict[str, Any]:
    """The given options of the task; refuses options and baselines of other tasks."""
    for flag in _BASELINES:
        if values[flag].value and flag not in task.baselines():
            raise flags.refusal(flag, task)
    return flags.task_options(values, task, "answering_config", tasks.all_tasks())


class _Scored(NamedTuple):
    """A model or file to score: its name, its output folder, how to score it, and the step of its weights if known."""

    name: str
    directory: str | None
    evaluate: Callable[[Any], Evaluation]
    step: int | None = None


def _all_scored(values: FlagValues, task: type[Task], options: Mapping[str, Any]) -> Iterator[_Scored]:
    """Yields one model at a time, because each takes much memory."""
    baselines: list[Baseline] = [baseline for flag, baseline in task.baselines().items() if values[flag].value]
    count = len(values.model_dir) + len(values.saved_model) + bool(values.predictions_file) + len(baselines)

    def directory(name: str) -> str | None:
        several = values.output_dir and count > 1
        return f"{values.output_dir}/{name.replace('/', '_').replace(' ', '_')}" if several else values.output_dir

    if path := values.predictions_file:
        yield _Scored(path, directory(path), functools.partial(task.evaluate_predictions, path=path))
    for path in values.model_dir:
        from bert_qa_tf.training.run_directory import EVAL_DIR, load_run

        path = path.rstrip("/")
        run = load_run(path, values.checkpoint, values.inference_dtype)
        _check_task(path, type(run.task), task)
        answerer = run.with_options(options).answerer(values.batch_size)
        evaluate = functools.partial(task.evaluate, answerer=answerer, source=path, progress=_progress)
        yield _Scored(path, directory(path) or f"{path}/{EVAL_DIR}", evaluate, run.step)
    for path in values.saved_model:
        from bert_qa_tf.exporting.exported_model import ExportedModel

        path = path.rstrip("/")
        model = ExportedModel(path, values.batch_size, trust=values.trust)
        _check_task(path, model.task, task)
        evaluate = functools.partial(task.evaluate, answerer=model, source=path, progress=_progress)
        yield _Scored(path, directory(path), evaluate)
    for baseline in baselines:
        yield _Scored(baseline.name, directory(baseline.name), baseline.evaluate)


def _check_task(path: str, found: type[Task], expected: type[Task]) -> None:
    if found is not expected:
        raise InputError(f"{path}: its task is {found.name}, the first model's is {expected.name}; score them apart")


def _progress(answers: Iterable[Any], total: int) -> Iterable[Any]:
    return tqdm(answers, total=total, unit=" examples", disable=not sys.stderr.isatty())


def _stem(path: str) -> str:
    name = os.path.basename(path.rstrip("/")).removesuffix(".gz")
    return os.path.splitext(name)[0]


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
