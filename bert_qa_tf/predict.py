"""Answers one question, or a file of them, from a trained or an exported model.

python -m bert_qa_tf.predict --model_dir=runs/first --question="who called" --context_file=call.txt
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --question="who called" --transcript_file=call.vtt
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --question="who called" --audio=call.wav
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --input_file=questions.jsonl --output_file=answers.jsonl
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl.flags import FlagValues

from bert_qa_tf import cli, flags
from bert_qa_tf.errors import InputError

if TYPE_CHECKING:
    from bert_qa_tf.tasks.question_answering.question_files import Answerer

FLAG_GROUPS = (
    flags.define_model_source,
    flags.define_inference,
    flags.define_decoding_overrides,
    flags.define_prediction,
    flags.define_transcript,
    flags.define_recording,
    flags.define_recognizer,
)


def main(values: FlagValues) -> None:
    """Answers and prints, or writes, what was found."""
    if len(values.model_dir) + len(values.saved_model) != 1:
        raise InputError("give one model: either --model_dir (a run directory) or --saved_model (an export)")
    from bert_qa_tf.speech import spoken_files
    from bert_qa_tf.tasks.question_answering.request import Asked

    config = flags.spoken_text_config(values)
    readers = spoken_files.readers(values.transcript_file, values.audio, config, cli.line_printer(values))
    asked = Asked(**flags.asked_fields(values), spoken=readers)
    asked.read_text()
    asked.answer_with(_load_answerer(values))


def _load_answerer(values: FlagValues) -> Answerer:
    if values.saved_model:
        from bert_qa_tf.exporting.exported_model import ExportedModel

        return ExportedModel(values.saved_model[0], values.batch_size)
    from bert_qa_tf.tasks.question_answering.predictor import Predictor
    from bert_qa_tf.training.run_directory import load_run

    run = load_run(values.model_dir[0], values.checkpoint, values.inference_dtype)
    decoding = flags.override_decoding(values, run.decoding)
    return Predictor(run.model, run.tokenizer, run.windowing, decoding, values.batch_size)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
