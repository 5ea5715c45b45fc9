"""Writes a trained model as SavedModels that take text and give answers, and checks them.

python -m bert_qa_tf.export --model_dir=runs/first --export_dir=exports
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (flags.define_export, flags.define_inference)


def main(values: FlagValues) -> None:
    """Exports and prints where to."""
    if not values.model_dir:
        raise InputError("--model_dir is missing: which run directory should be exported?")
    from bert_qa_tf.serving import exporter
    from bert_qa_tf.training.checkpoints import load_run

    run = load_run(values.model_dir, values.checkpoint, values.inference_dtype)
    result = exporter.export_model(
        run.model,
        run.tokenizer,
        run.windowing,
        run.decoding,
        values.export_dir,
        exporter.development_questions(run.config["train"]["train_dir"]),
        values.version,
        values.max_windows_per_call,
    )
    ties = f" ({result.ties} of equal score)" if result.ties else ""
    print(f"checked: {result.questions} questions answered as the checkpoint answers them{ties}")
    print(f"wrote {result.qa_dir} (question and context in, answer out)")
    print(f"wrote {result.ids_dir} (token ids in, logits out)")


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
