"""From a handle to an encoder.

What goes in: a name, folder or address. What comes out: a `PretrainedEncoder`, and the Keras model with its weights in
it. Reading happens on the host; no strategy or precision policy has a say in it, so load before entering a strategy's
scope, and set random seeds after.

Which reader a folder gets is found from what it holds (`_READERS`).
"""

from __future__ import annotations

import dataclasses
import http.client
import os
import tarfile
import zlib
from collections.abc import Callable

import tensorflow as tf
import tensorflow_hub as hub
import tf_keras
from absl import logging

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources import (
    google_checkpoint,
    hub_export,
    hub_graph,
    keras_preset,
    minilm,
    safetensors,
    tf_hub,
)
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, assign_weights
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import cache

MINILM = "minilm"


@dataclasses.dataclass(frozen=True)
class NamedModule:
    """Where a named encoder is published: on TensorFlow Hub and, for those it turns away, on Kaggle."""

    hub_handle: str
    kaggle_handle: str


def _small_bert(size: str) -> NamedModule:
    """One of the "well-read students" (arXiv:1908.08962), by the size in its handles, `L-2_H-128_A-2`."""
    return NamedModule(
        f"https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_{size}/2",
        f"tensorflow/bert/tensorFlow2/bert-en-uncased-{size.lower().replace('_', '-')}",
    )


NAMED_MODULES: dict[str, NamedModule] = {
    "bert-tiny": _small_bert("L-2_H-128_A-2"),
    "bert-mini": _small_bert("L-4_H-256_A-4"),
    "bert-small": _small_bert("L-4_H-512_A-8"),
    "bert-medium": _small_bert("L-8_H-512_A-8"),
    "bert-base-uncased": NamedModule(
        "https://tfhub.dev/tensorflow/bert_en_uncased_L-12_H-768_A-12/4",
        "tensorflow/bert/tensorFlow2/en-uncased-l-12-h-768-a-12",
    ),
    "bert-large-uncased": NamedModule(
        "https://tfhub.dev/tensorflow/bert_en_uncased_L-24_H-1024_A-16/4",
        "tensorflow/bert/tensorFlow2/en-uncased-l-24-h-1024-a-16",
    ),
    "bert-large-wwm-uncased": NamedModule(
        "https://tfhub.dev/tensorflow/bert_en_wwm_uncased_L-24_H-1024_A-16/4",
        "tensorflow/bert/tensorFlow2/en-wwm-uncased-l-24-h-1024-a-16",
    ),
}

# The file a folder is recognised by → the reader of such folders, called with the folder, whether to check, and the
# casing that the user states, if any.
_READERS: dict[str, Callable[[str, bool, bool | None], PretrainedEncoder]] = {
    hub_graph.SAVED_MODEL_FILE: lambda path, check, casing: tf_hub.read_hub_module(path, check=check),
    google_checkpoint.CONFIG_FILE: lambda path, check, casing: google_checkpoint.read_google_checkpoint(
        path, do_lower_case=casing
    ),
    keras_preset.WEIGHTS_FILE: lambda path, check, casing: keras_preset.read_keras_preset(path, do_lower_case=casing),
    safetensors.WEIGHTS_FILE: lambda path, check, casing: safetensors.read_safetensors(path, do_lower_case=casing),
}
# Files that look like an encoder to those who have them → why they are not read, and what would be.
_NOT_READ = {
    "pytorch_model.bin": f"is a pickle, which can run any code when it is opened; expected {safetensors.WEIGHTS_FILE}",
    "model.safetensors.index.json": f"says that the weights lie in several files; expected {safetensors.WEIGHTS_FILE}",
}
_KAGGLE = "kaggle://"

# What tensorflow_hub's resolver raises when an address cannot be had: network, HTTP, archive and file errors.
_RESOLVER_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    EOFError,
    http.client.HTTPException,
    tarfile.TarError,
    zlib.error,
    tf.errors.OpError,
)


def load_encoder(handle: str, *, check: bool = True, do_lower_case: bool | None = None) -> PretrainedEncoder:
    """Reads a pretrained BERT encoder from wherever it is.

    Args:
      handle: a folder (a TF-Hub module, a Google checkpoint, a keras-nlp preset or a safetensors folder); a name
        (`minilm`, one of `NAMED_MODULES` or of keras-nlp's BERT presets); or an `http(s)://` or `gs://` address of a
        TF-Hub module, a `gs://` address of any such folder or a `kaggle://` handle of one.
      check: compare what was read from a TF-Hub module with the module's own outputs, the first time it is read.
      do_lower_case: the casing, for a source that does not state its own; one that does may not contradict it.

    Returns:
      The encoder.

    Raises:
      InputError: the handle leads nowhere, to something that is no BERT encoder, or to a damaged one; or its casing
        cannot be told, or is not the one that was asked for.
    """
    read = _load(handle.strip(), check, do_lower_case)
    if do_lower_case not in (None, read.do_lower_case):
        raise InputError(
            f"{handle}: this encoder states do_lower_case={read.do_lower_case}, but --do_lower_case, or the records it "
            f"is to be trained on, say {do_lower_case}"
        )
    return read


def find_hub_module(handle: str) -> str:
    """The folder of the TF-Hub module that a handle leads to, downloaded if need be; nothing of it is read.

    Args:
      handle: see `load_encoder`.

    Raises:
      InputError: it leads nowhere, or to something that is no TF-Hub module.
    """
    handle = handle.strip()
    if handle in NAMED_MODULES:
        folder = _fetch_named(handle)
    elif handle.startswith(_KAGGLE):
        folder = _fetch_from_kaggle(handle.removeprefix(_KAGGLE))
    else:
        folder = _resolve(handle) if "://" in handle else os.path.expanduser(handle)
    if not tf.io.gfile.exists(tf.io.gfile.join(folder, hub_graph.SAVED_MODEL_FILE)):
        raise InputError(f"{handle}: no TF-Hub module here, and --encoder_mode=wrap takes nothing else")
    return folder


def build_pretrained_encoder(pretrained: PretrainedEncoder, *, name: str = "encoder") -> tf_keras.Model:
    """Builds the encoder that `pretrained` describes, in the strategy and policy in force, with its weights in it.

    Args:
      pretrained: what `load_encoder` returned.
      name: see `encoder.build_encoder`.

    Returns:
      The model; see `encoder.build_encoder`.
    """
    encoder = encoder_lib.build_encoder(pretrained.config, name=name, random_weights=False)
    assign_weights(encoder, pretrained.weights, pretrained.source)
    return encoder


def _load(handle: str, check: bool, do_lower_case: bool | None) -> PretrainedEncoder:
    if handle == MINILM:
        return _load_minilm(check)
    if handle in NAMED_MODULES:
        return _read_folder(_fetch_named(handle), check, do_lower_case)
    if handle.startswith(_KAGGLE):
        return _read_folder(_fetch_from_kaggle(handle.removeprefix(_KAGGLE)), check, do_lower_case)
    if "://" in handle:
        return _read_folder(_resolve(handle), check, do_lower_case)
    folder = os.path.expanduser(handle)
    if os.path.isdir(folder):
        return _read_folder(folder, check, do_lower_case)
    if keras_preset.is_preset_name(handle):
        return keras_preset.read_keras_preset(handle, do_lower_case=do_lower_case)
    names = ", ".join((MINILM, *NAMED_MODULES))
    raise InputError(
        f"encoder handle {handle!r}: there is no such folder, and the known names are {names} and keras-nlp's presets"
    )


def _read_folder(path: str, check: bool, do_lower_case: bool | None) -> PretrainedEncoder:
    found = [name for name in _READERS if tf.io.gfile.exists(tf.io.gfile.join(path, name))]
    if not found:
        for name, reason in _NOT_READ.items():
            if tf.io.gfile.exists(tf.io.gfile.join(path, name)):
                raise InputError(f"{path}: {name} {reason}")
        raise InputError(f"{path}: holds no encoder; expected {' or '.join(_READERS)} in it")
    if len(found) > 1:
        raise InputError(f"{path}: holds more than one encoder ({' and '.join(found)}); leave one in it")
    return _READERS[found[0]](path, check, do_lower_case)


def _resolve(address: str) -> str:
    """The folder that an address leads to, downloaded by tensorflow_hub if need be."""
    cache.use_for_tensorflow_hub()
    try:
        return hub.resolve(address)
    except _RESOLVER_ERRORS as error:
        raise InputError(f"{address}: cannot get this module ({_reason(error)})") from error


def _fetch_named(name: str) -> str:
    """The folder of a named module, from TensorFlow Hub or else from Kaggle."""
    module = NAMED_MODULES[name]
    try:
        return _resolve(module.hub_handle)
    except InputError as error:
        hub_error = error
        logging.info("%s; trying Kaggle", error)
    try:
        return _fetch_from_kaggle(module.kaggle_handle)
    except InputError as error:
        raise InputError(f"{name}: {hub_error}; {error}") from error


def _fetch_from_kaggle(handle: str) -> str:
    """The folder of a model on Kaggle, `owner/model/framework/variation`, downloaded into kagglehub's own cache."""
    import kagglehub  # slow to import, and rarely needed

    try:
        return kagglehub.model_download(handle)
    except Exception as error:  # kagglehub raises many kinds, network errors and its own
        raise InputError(f"{handle}: cannot get this model from Kaggle ({_reason(error)})") from error


def _load_minilm(check: bool) -> PretrainedEncoder:
    """Reads minilm from the user's cache, where it is kept as a TF-Hub module, or puts it there first."""
    module = str(cache.cache_dir() / f"minilm-{minilm.SHA256['model.safetensors'][:12]}-hub")
    if not tf.io.gfile.exists(module):
        original = safetensors.read_safetensors(str(minilm.find_files()), do_lower_case=True)
        original = dataclasses.replace(original, source=MINILM)
        try:
            hub_export.export_hub_module(original, module)
        except (OSError, InputError, tf.errors.OpError) as error:
            # A cache that cannot be written, or another process that wrote it at the same time.
            logging.info("%s: not kept in the cache (%s)", MINILM, _reason(error))
            return original
    return dataclasses.replace(tf_hub.read_hub_module(module, check=check), source=MINILM)


def _reason(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())
