"""The feature table of a record of one text; a task adds its labels."""

from __future__ import annotations

from bert_qa_tf.records.features import SEQ, FeatureSpec

TEXT_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("input_word_ids", (SEQ,), "int32", "input"),
    FeatureSpec("input_mask", (SEQ,), "int32", "input", storage="derived"),
    FeatureSpec("input_type_ids", (SEQ,), "int32", "input"),
    FeatureSpec("unique_id", (), "int64", "meta"),
    FeatureSpec("example_id", (), "string", "meta", storage="decoding"),
)
