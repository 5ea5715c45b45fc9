"""Exports a trained model as SavedModels that take text and return answers, or an encoder as a TF-Hub module.

python -m bert_qa_tf.export --model_dir=runs/first --export_dir=exports
python -m bert_qa_tf.export --what=encoder --model_dir=runs/first
python -m bert_qa_tf.export --what=encoder --encoder_handle=uncased_L-12_H-768_A-12
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (
    flags.define_export,
    flags.define_inference,
    *(flags.option_group(task.title, task.answering_config, overrides=True) for task in tasks.all_tasks()),
    *(flags.option_group(f"{task.title}: exported models", task.export_config) for task in tasks.all_tasks()),
    flags.define_encoder,
    flags.define_trust,
    flags.define_casing,
)


def main(values: FlagValues) -> None:
    """Exports the model, and prints where it was written."""
    if values.model_dir and values["encoder_handle"].present:
        raise InputError("--model_dir and --encoder_handle: which of the two should be exported?")
    if values.what == "encoder":
        if values.archive:
            raise InputError("--archive: only a model of --what=model is packed")
        _export_encoder(values)
    else:
        _export_model(values)


def _export_model(values: FlagValues) -> None:
    if not values.model_dir:
        raise InputError("--model_dir is missing: which run directory should be exported?")
    from bert_qa_tf.exporting import archive, exporter, model_card
    from bert_qa_tf.training import run_directory

    if values.archive:
        archive.check_target(values.archive, flags.input_paths(values), values.overwrite)
    model_dir = values.model_dir.rstrip("/")
    run = run_directory.load_run(model_dir, values.checkpoint, values.inference_dtype)
    task = run.task.with_options(flags.task_options(values, run.task, "answering_config", tasks.all_tasks()))
    options = flags.task_config(values, task, "export_config", tasks.all_tasks())
    provenance = model_card.Provenance(
        run.config,
        run.step,
        task.card_text(),
        run_directory.development_scores(model_dir, run.step),
        run_directory.test_scores(model_dir, run.step),
        values.inference_dtype,
        values.license,
    )
    examples = run_directory.development_examples(model_dir, run)
    if examples:
        print(f"writing, and asking {len(examples)} development examples of what was written", flush=True)
    result = exporter.export_model(
        task,
        run.model,
        run.tokenizer,
        values.export_dir,
        examples,
        values.version,
        options,
        model_card.model_card(provenance),
    )
    ties = f" ({result.ties} of equal score)" if result.ties else ""
    print(f"checked: {result.examples} examples answered as the checkpoint answers them{ties}")
    if not result.warmup_requests:
        print(
            "no warm-up requests for TF Serving: they need tensorflow-serving-api (pip install 'bert_qa_tf[serving]')"
        )
    print(f"wrote {result.text_dir} ({' and '.join(task.served_inputs)} in, {task.served_outputs[0]} out)")
    print(f"wrote {result.ids_dir} (token ids in, logits out)")
    if values.archive:
        digest = archive.pack(archive.folders_of(result.text_dir, result.ids_dir), values.archive)
        print(f"wrote {values.archive} (SHA-256 {digest}, also in {values.archive}.sha256)")


def _export_encoder(values: FlagValues) -> None:
    if values.inference_dtype != "float32":
        raise InputError(f"--what=encoder: a module is float32, got --inference_dtype={values.inference_dtype}")
    from bert_qa_tf.encoders.sources.loader import load_encoder, trust_module
    from bert_qa_tf.exporting import encoder_exporter
    from bert_qa_tf.training.run_directory import load_trained_encoder

    if values.model_dir:
        encoder = load_trained_encoder(values.model_dir, values.checkpoint)
    else:
        if values.trust:
            trust_module(values.encoder_handle)
        encoder = load_encoder(values.encoder_handle, do_lower_case=values.do_lower_case)
    folder = encoder_exporter.export_encoder(encoder, values.export_dir, values.version)
    print(f"checked: the module reads back as {encoder.source}, bit for bit")
    print(f"wrote {folder} (for hub.KerasLayer and --encoder_handle)")


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
