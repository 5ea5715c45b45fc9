"""Writes a trained model in the format of Hugging Face's `BertForQuestionAnswering`, for the comparison in `serve.py`.

    python benchmarks/hf_folder.py runs/first runs/first_hf

The folder has `config.json`, `model.safetensors`, `vocab.txt` and `tokenizer_config.json`. The names of the weights are
those that `bert_qa_tf/encoders/sources/safetensors.py` reads; the table there is applied backwards.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from bert_qa_tf.config import EncoderConfig
from bert_qa_tf.encoders.sources.safetensors import WEIGHTS_FILE
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files
from bert_qa_tf.text.tokenizer import Tokenizer

_TENSOR_NAMES = (
    (re.compile(r"^encoder/layer_(\d+)/"), r"encoder.layer.\1."),
    (re.compile(r"/kernel$"), ".weight"),
    (re.compile(r"LayerNorm/gamma$"), "LayerNorm.weight"),
    (re.compile(r"LayerNorm/beta$"), "LayerNorm.bias"),
    (re.compile(r"_embeddings$"), "_embeddings.weight"),
)
_HEAD = "qa_outputs"
# Ours → theirs; see `safetensors.py`.
_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu"}


def tensor_name(canonical: str) -> str:
    """Returns the name of one of an encoder's weights in `BertForQuestionAnswering`.

    >>> tensor_name("encoder/layer_0/attention/self/query/kernel")
    'bert.encoder.layer.0.attention.self.query.weight'
    """
    name = canonical
    for pattern, replacement in _TENSOR_NAMES:
        name = pattern.sub(replacement, name)
    return f"bert.{name.replace('/', '.')}"


def write_folder(
    folder: pathlib.Path,
    config: EncoderConfig,
    weights: Mapping[str, np.ndarray],
    head: tuple[np.ndarray, np.ndarray],
    tokenizer: Tokenizer,
) -> None:
    """Writes the four files.

    Args:
      folder: the folder to write to, which is made if it is missing.
      config: the encoder's config.
      weights: canonical name → `<float32>` array, as returned by `weights.read_weights`. A pooler is left out, because
        Hugging Face's question-answering model has none.
      head: kernel `<float32>[hidden_size, 2]` and bias `<float32>[2]` of the span head.
      tokenizer: the encoder's tokenizer.
    """
    kernel, bias = head
    tensors = {
        tensor_name(name): np.ascontiguousarray(array.T if name.endswith("/kernel") else array, np.float32)
        for name, array in weights.items()
        if not name.startswith("pooler/")
    }
    tensors |= {f"{_HEAD}.weight": np.ascontiguousarray(kernel.T, np.float32), f"{_HEAD}.bias": bias}
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(tensors, folder / WEIGHTS_FILE, {"format": "pt"})
    tokenizer.save(str(folder))
    atomic_files.write_json(folder / "config.json", _config(config))
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.settings()["do_lower_case"],
        "tokenize_chinese_chars": True,
        "model_max_length": config.max_position_embeddings,
    }
    atomic_files.write_json(folder / "tokenizer_config.json", settings)


def _config(config: EncoderConfig) -> dict[str, object]:
    return {
        "architectures": ["BertForQuestionAnswering"],
        "model_type": "bert",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "type_vocab_size": config.type_vocab_size,
        "hidden_act": _ACTIVATIONS[config.hidden_act],
        "layer_norm_eps": config.layer_norm_epsilon,
        "hidden_dropout_prob": config.hidden_dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "initializer_range": config.initializer_range,
    }


def main(model_dir: str, folder: str) -> None:
    """Converts the best weights of a run directory."""
    from bert_qa_tf.encoders.sources.weights import read_weights
    from bert_qa_tf.training.run_directory import load_run, read_encoder_config

    values, tokenizer = read_encoder_config(model_dir.rstrip("/"))
    if values.get("encoder_mode") == "wrap":
        raise InputError(f"{model_dir}: trained with --encoder_mode=wrap, whose weights cannot be taken out")
    run = load_run(model_dir)
    kernel, bias = (variable.numpy() for variable in run.model.get_layer("span_head").weights)
    weights = read_weights(run.model.get_layer("encoder"))
    write_folder(pathlib.Path(folder), EncoderConfig(**values), weights, (kernel, bias), tokenizer)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except InputError as error:
        sys.exit(f"error: {error}")
