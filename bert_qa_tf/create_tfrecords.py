"""Turns SQuAD-form JSON into TFRecords of windows, ready to train on.

python -m bert_qa_tf.create_tfrecords --input_file=spoken_train-v1.1.json
python -m bert_qa_tf.create_tfrecords --input_file=a.json --input_file=b.json --output_dir=tfrecords/mine
python -m bert_qa_tf.create_tfrecords --input_file=clean.json --asr_noise_wer=0.1,0.4 --output_dir=tfrecords/noisy
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags
from bert_qa_tf.config import ConversionConfig, NoiseConfig, WindowingConfig
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (
    flags.define_conversion,
    flags.define_noise,
    flags.define_windowing,
    flags.define_encoder,
    flags.define_encoder_mode,
    flags.define_casing,
)


def main(values: FlagValues) -> None:
    """Converts and prints what was written."""
    windowing = WindowingConfig(values.max_seq_length, values.doc_stride, values.max_query_length)
    config = ConversionConfig(
        windowing=windowing,
        num_shards=values.num_shards,
        dev_fraction=values.dev_fraction,
        min_aligned_fraction=values.min_aligned_fraction,
        relabel=values.relabel,
        windows_without_answer=values.windows_without_answer,
        version_2_with_negative=values.version_2_with_negative,
        keep_decoding_features=values.keep_decoding_features,
        noise=_noise(values),
        seed=values.seed,
    )
    from bert_qa_tf.encoders.sources.loader import load_encoder
    from bert_qa_tf.encoders.wrapped_encoder import load_wrapped_encoder
    from bert_qa_tf.tasks.question_answering import conversion
    from bert_qa_tf.text.tokenization import BertTokenizer

    conversion.check_request(values.input_file, values.output_dir, values.overwrite)
    if values.vocab_file:
        tokenizer = BertTokenizer.from_vocab_file(values.vocab_file, values.do_lower_case is not False)
    else:
        load = load_wrapped_encoder if values.encoder_mode == "wrap" else load_encoder
        encoder = load(values.encoder_handle, do_lower_case=values.do_lower_case)
        tokenizer = BertTokenizer(encoder.vocab, encoder.do_lower_case, source=encoder.source)
    manifest = conversion.convert(values.input_file, values.output_dir, tokenizer, config, overwrite=values.overwrite)
    print(conversion.describe(manifest))
    print(f"wrote {len(manifest.shards)} shards and manifest.json to {values.output_dir}")


def _noise(values: FlagValues) -> NoiseConfig | None:
    if not values.asr_noise_wer:
        return None
    try:
        wer = tuple(float(part) for part in values.asr_noise_wer)
    except ValueError as error:
        given = ",".join(values.asr_noise_wer)
        raise InputError(
            f"--asr_noise_wer={given}: expected a share of the words, as 0.3, or two, as 0.1,0.4"
        ) from error
    return NoiseConfig(
        wer,
        copies=values.noise_copies,
        answers=values.noise_answers,
        clean_copies=values.noise_clean_copies,
        min_confidence=values.noise_min_confidence,
        sentence_stops=values.noise_sentence_stops,
    )


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
