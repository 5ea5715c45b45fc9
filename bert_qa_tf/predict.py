"""Answers one question, or a file of them, from a trained or an exported model.

python -m bert_qa_tf.predict --model_dir=runs/first --question="who called" --context_file=call.txt
python -m bert_qa_tf.predict --saved_model=exports/qa/1 --input_file=questions.jsonl --output_file=answers.jsonl
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl.flags import FlagValues

from bert_qa_tf import cli, flags
from bert_qa_tf.errors import InputError

if TYPE_CHECKING:  # it imports TensorFlow
    from bert_qa_tf.evaluation.json_lines import Answerer

FLAG_GROUPS = (
    flags.define_model_source,
    flags.define_inference,
    flags.define_decoding_overrides,
    flags.define_prediction,
)


def main(values: FlagValues) -> None:
    """Answers and prints, or writes, what was found."""
    _check_flags(values)
    from bert_qa_tf.evaluation import json_lines, single_answer

    answerer = _load_answerer(values)
    if values.input_file:
        count = json_lines.answer_file(answerer, values.input_file, values.output_file)
        if values.output_file:
            print(f"wrote {count} answers to {values.output_file}")
        return
    context = values.context if values.context is not None else single_answer.read_context(values.context_file)
    answer = single_answer.answer_question(answerer, values.question, context)
    if values.output_file:
        json_lines.write_lines([json_lines.to_json(1, answer)], values.output_file)
        print(f"wrote 1 answer to {values.output_file}")
    else:
        print(single_answer.describe(answer))


def _check_flags(values: FlagValues) -> None:
    if len(values.model_dir) + len(values.saved_model) != 1:
        raise InputError("give one model: either --model_dir (a run directory) or --saved_model (an export)")
    one = values.question is not None
    if one == bool(values.input_file):
        raise InputError("give either --question, with --context or --context_file, or --input_file")
    contexts = [name for name in ("context", "context_file") if values[name].value is not None]
    if len(contexts) != int(one):
        wanted = "one of --context and --context_file" if one else "no --context: each line of --input_file has its own"
        raise InputError(f"expected {wanted}, got {' and '.join(f'--{name}' for name in contexts) or 'neither'}")
    if one and not values.question.strip():
        raise InputError("--question is empty")


def _load_answerer(values: FlagValues) -> Answerer:
    if values.saved_model:
        from bert_qa_tf.serving.exported_model import ExportedModel

        return ExportedModel(values.saved_model[0], values.batch_size)
    from bert_qa_tf.evaluation.predictor import Predictor
    from bert_qa_tf.training.checkpoints import load_run

    run = load_run(values.model_dir[0], values.checkpoint, values.inference_dtype)
    decoding = flags.override_decoding(values, run.decoding)
    return Predictor(run.model, run.tokenizer, run.windowing, decoding, values.batch_size)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
