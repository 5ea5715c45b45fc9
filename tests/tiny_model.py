"""Models that are built in a moment, of spans and of labels, and a run directory that holds one of spans.

Their weights are random but large: the logits of neighbouring tokens differ by far more than rounding does.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.encoder import build_encoder
from bert_qa_tf.tasks.classification.config import ClassificationSettings
from bert_qa_tf.tasks.classification.model import build_classification_model
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering.config import DecodingConfig, QuestionAnsweringConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.span_model import build_span_model
from bert_qa_tf.text.tokenization import BertTokenizer
from bert_qa_tf.training import run_directory

VOCAB = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *(chr(code) for code in range(ord("a"), ord("z") + 1)),
    *(f"##{chr(code)}" for code in range(ord("a"), ord("z") + 1)),
    *("the", "cat", "sat", "on", "mat", "who", "where", "is", "it", ".", ",", "?", "北", "京", "é", "½", "1", "##2"),
)
ENCODER = EncoderConfig(
    vocab_size=len(VOCAB),
    hidden_size=16,
    num_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=64,
    initializer_range=0.6,
)
WINDOWING = WindowingConfig(max_seq_length=48, doc_stride=12, max_query_length=8)
SETTINGS = QuestionAnsweringConfig(WINDOWING)
CLASSIFICATION = Classification(ClassificationSettings(24, ("bad", "fair", "good"), (5, 2, 3)))


def tiny_tokenizer() -> BertTokenizer:
    return BertTokenizer(VOCAB, do_lower_case=True)


def tiny_span_model(seed: int = 1, num_layers: int = ENCODER.num_layers) -> tf_keras.Model:
    tf_keras.utils.set_random_seed(seed)
    return build_span_model(build_encoder(dataclasses.replace(ENCODER, num_layers=num_layers)), initializer_range=1.0)


def tiny_classification_model(seed: int = 1) -> tf_keras.Model:
    tf_keras.utils.set_random_seed(seed)
    num_classes = len(CLASSIFICATION.settings.labels)
    return build_classification_model(build_encoder(ENCODER), num_classes, initializer_range=1.0)


def write_tiny_run(model_dir: pathlib.Path, version_2_with_negative: bool = False) -> tf_keras.Model:
    """Writes a run directory with one checkpoint, of a training without a development split; returns its model."""
    model = tiny_span_model()
    run_directory.write_encoder(str(model_dir), ENCODER, tiny_tokenizer())
    decoding = DecodingConfig(version_2_with_negative=version_2_with_negative)
    config = {
        "task": "question_answering",
        "settings": {"windowing": vars(WINDOWING), "decoding": vars(decoding)},
        "train": {"train_dir": str(model_dir / "no_such_conversion")},
    }
    (model_dir / run_directory.CONFIG_FILE).write_text(json.dumps(config))
    tf.train.Checkpoint(model=model).save(str(model_dir / run_directory.CHECKPOINT_DIR / "ckpt"))
    return model


def random_texts(seed: int, count: int) -> list[str]:
    """Texts of every kind that goes wrong: empty, spaces, emoji, combining marks, right-to-left, NUL, long."""
    import numpy as np

    rng = np.random.default_rng(seed)
    parts = [
        *("the cat", " sat on ", "a", " ", "  ", "\t", "\n", ".", "?!", "mat", "x" * 250),
        *("😀", "👩‍👩‍👧", "🇫🇷", "é", "e\u0301", "o\u0308\u0323", "½", "…", "ß", "İ", "ﬁ", "Ａ", "²"),
        *(
            "北京",
            "日本語",
            "한글",
            "שלום",
            "مرحبا",
            "नमस्ते",
            "\u200f",
            "\u200b",
            "\ufeff",
            "\x00",
            "\x07",
            "\ufffd",
            "\u0301",
        ),
    ]
    return ["".join(rng.choice(parts, rng.integers(0, 40))) for _ in range(count)]


def invalid_utf8(seed: int, count: int) -> list[bytes]:
    """Bytes that are no UTF-8: cut characters, stray continuation bytes, overlong forms, encoded surrogates."""
    import numpy as np

    rng = np.random.default_rng(seed)
    parts = [
        b"the cat ",
        b"\xff",
        b"\xc3",
        b"\xa9",
        b"\xe5\x8c",
        b"\xf0\x9f\x98",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b" sat ",
        b"\x00",
    ]
    return [b"".join(parts[i] for i in rng.integers(0, len(parts), rng.integers(0, 12))) for _ in range(count)]


def as_tensor(texts: list[str] | list[bytes]) -> tf.Tensor:
    return tf.constant(texts, tf.string)
