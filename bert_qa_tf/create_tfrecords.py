"""Converts files of questions or of labelled sentences to TFRecords for training.

python -m bert_qa_tf.create_tfrecords --input_file=spoken_train-v1.1.json
python -m bert_qa_tf.create_tfrecords --input_file=a.json --input_file=b.json --output_dir=tfrecords/mine
python -m bert_qa_tf.create_tfrecords --input_file=clean.json --simulate_wer=0.1,0.4 --output_dir=tfrecords/simulated
python -m bert_qa_tf.create_tfrecords --input_file=NMSQA/data/train.parquet --output_dir=tfrecords/nmsqa
python -m bert_qa_tf.create_tfrecords --task=classification --input_file=train.tsv --output_dir=tfrecords/sentiment
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.config import AsrSimulationConfig, RecordsConfig

FLAG_GROUPS = (
    flags.define_conversion,
    flags.define_odd_items,
    flags.option_group("Records", RecordsConfig),
    flags.option_group("Simulated recognition errors", AsrSimulationConfig),
    *(flags.option_group(task.title, task.conversion_config) for task in tasks.all_tasks()),
    flags.define_encoder,
    flags.define_encoder_mode,
    flags.define_casing,
)


def main(values: FlagValues) -> None:
    """Converts and prints what was written."""
    task = tasks.find(values.task)
    config = flags.task_config(values, task, "conversion_config", tasks.all_tasks())
    from bert_qa_tf.encoders.sources import handles
    from bert_qa_tf.encoders.tokenizers import load_tokenizer
    from bert_qa_tf.records import conversion
    from bert_qa_tf.storage import outputs

    input_files = task.input_files(values.input_file)
    conversion.check_request(input_files, values.output_dir, values.overwrite)
    outputs.check_not_read(values.output_dir, flags.input_paths(values))
    if values.encoder_mode == "wrap" and not values.vocab_file:
        handles.find_hub_module(values.encoder_handle)  # raises an error now if training could not wrap the encoder
    tokenizer = load_tokenizer(values.encoder_handle, do_lower_case=values.do_lower_case, vocab_file=values.vocab_file)
    converter = task.converter(input_files, tokenizer, config)
    manifest = conversion.convert(
        task.name, converter, values.output_dir, tokenizer, config, overwrite=values.overwrite
    )
    print(converter.describe(manifest))
    print(f"wrote {len(manifest.shards)} shards and manifest.json to {values.output_dir}")


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
