"""Small windows, and shards of them, for the tests of records."""

import numpy as np

from bert_qa_tf.records.manifest import Shard
from bert_qa_tf.records.writer import ShardWriter, serialize
from bert_qa_tf.tasks.question_answering.examples import InputFeatures
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES


def window(number: int, length: int = 5) -> InputFeatures:
    """A window of so many tokens whose fields tell its number."""
    tokens = np.arange(length, dtype=np.int32)
    return InputFeatures(
        input_word_ids=tokens + number,
        input_type_ids=np.ones(length, np.int32),
        start_positions=2,
        end_positions=3,
        unique_id=number - 5,
        qas_id=f"é{number}",
        doc_span_index=number % 2,
        token_start_chars=tokens - 1,
        token_end_chars=tokens,
        token_is_max_context=np.zeros(length, np.int32),
    )


def write(directory, numbers, num_shards=3, seed=0, with_decoding=True) -> tuple[list[Shard], np.ndarray]:
    """Writes windows of 3 to 6 tokens: their shards and index."""
    with ShardWriter(str(directory), "train", num_shards, seed) as writer:
        for number in numbers:
            one = window(number, 3 + number % 4)
            writer.add(one.unique_id, len(one), serialize(vars(one), QA_FEATURES, with_decoding), copy=number % 2)
        return writer.finish()
