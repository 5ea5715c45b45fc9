"""Answers a question or labels a sentence, or a file of them, with a trained or exported model.

python -m bert_qa_tf.predict --model_dir=runs/first --question="who called" --context_file=call.txt
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --question="who called" --transcript_file=call.vtt
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --question="who called" --audio=call.wav
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --input_file=questions.jsonl --output_file=answers.jsonl
python -m bert_qa_tf.predict --saved_model=exports/classification/1 --text="a gripping film"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.base import Answerer, Task

FLAG_GROUPS = (
    flags.define_model_source,
    flags.define_inference,
    flags.define_trust,
    *(flags.option_group(f"{task.title}: input", task.request_config) for task in tasks.all_tasks()),
    flags.define_prediction,
    *(flags.option_group(task.title, task.answering_config, overrides=True) for task in tasks.all_tasks()),
    flags.define_transcript,
    flags.define_odd_items,
    flags.define_recording,
    flags.define_recognizer,
)


def main(values: FlagValues) -> None:
    """Answers the request, and prints or writes the answers."""
    if len(values.model_dir) + len(values.saved_model) != 1:
        raise InputError("give one model: either --model_dir (a run directory) or --saved_model (an export)")
    from bert_qa_tf.speech import text_sources
    from bert_qa_tf.tasks import answer_files

    answer_files.check_output(values.output_file, flags.input_paths(values), values.overwrite)
    config = flags.timed_text_config(values)
    readers = text_sources.readers(values.transcript_file, values.audio, config, cli.line_printer(values))
    # The request is read before the model is loaded, so that a mistake in it is reported at once.
    task = _task(values)
    options = flags.task_options(values, task, "answering_config", tasks.all_tasks())
    request = flags.read_request(values, task, tasks.all_tasks(), readers)
    request.answer_with(_load_answerer(values, options))


def _task(values: FlagValues) -> type[Task]:
    """The task of the model. If the model cannot be read this is a guess, and loading the model will raise an error."""
    try:
        if values.model_dir:
            from bert_qa_tf.training.run_directory import task_of

            return type(task_of(values.model_dir[0].rstrip("/")))
        from bert_qa_tf.exporting import archive, task_file

        return task_file.task_of_export(archive.locate(values.saved_model[0]), trust=values.trust)
    except InputError:
        return tasks.find(tasks.DEFAULT_TASK)


def _load_answerer(values: FlagValues, options: Mapping[str, Any]) -> Answerer:
    if values.saved_model:
        from bert_qa_tf.exporting.exported_model import ExportedModel

        return ExportedModel(values.saved_model[0], values.batch_size, trust=values.trust)
    from bert_qa_tf.training.run_directory import load_run

    run = load_run(values.model_dir[0], values.checkpoint, values.inference_dtype)
    return run.with_options(options).answerer(values.batch_size)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
