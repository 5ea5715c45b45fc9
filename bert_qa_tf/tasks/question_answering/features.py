"""The feature table of question answering: one row for each field of a window. See `tfrecords/README.md`."""

from __future__ import annotations

from bert_qa_tf.records.features import SEQ, FeatureSpec

QA_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("input_word_ids", (SEQ,), "int32", "input"),
    FeatureSpec("input_mask", (SEQ,), "int32", "input", storage="derived"),
    FeatureSpec("input_type_ids", (SEQ,), "int32", "input"),
    FeatureSpec("start_positions", (), "int32", "label"),
    FeatureSpec("end_positions", (), "int32", "label"),
    FeatureSpec("unique_id", (), "int64", "meta"),
    FeatureSpec("qas_id", (), "string", "meta", storage="decoding"),
    FeatureSpec("doc_span_index", (), "int32", "meta", storage="decoding"),
    FeatureSpec("token_start_chars", (SEQ,), "int32", "meta", storage="decoding", padding=-1),
    FeatureSpec("token_end_chars", (SEQ,), "int32", "meta", storage="decoding", padding=-1),
    FeatureSpec("token_is_max_context", (SEQ,), "int32", "meta", storage="decoding"),
)
