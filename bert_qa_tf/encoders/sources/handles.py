"""Finds what a handle leads to: which kind of encoder it is, and the folder that holds it.

A handle is a name, a folder or an address. What is remote is downloaded here; nothing of an encoder is read, except
that the kind of a folder is told by the file in it. Libraries that only some handles need are imported when one is met.
"""

from __future__ import annotations

import dataclasses
import http.client
import os
import tarfile
import zlib
from typing import Literal, NamedTuple

import tensorflow as tf
from absl import logging

from bert_qa_tf.encoders.sources import google_checkpoint, hub_download, hub_graph, keras_preset, safetensors
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import addresses, cache, files

MINILM = "minilm"
Kind = Literal["minilm", "tf_hub", "google_checkpoint", "keras_preset", "safetensors"]


class Source(NamedTuple):
    """An encoder that was found, not read.

    Attributes:
      kind: which module of `encoders/sources` reads it.
      path: its folder, which may be remote; of a keras-nlp preset also its name; of minilm only that name.
    """

    kind: Kind
    path: str


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

# The file that a folder is recognised by → its kind.
_KINDS: dict[str, Kind] = {
    hub_graph.SAVED_MODEL_FILE: "tf_hub",
    google_checkpoint.CONFIG_FILE: "google_checkpoint",
    keras_preset.WEIGHTS_FILE: "keras_preset",
    safetensors.WEIGHTS_FILE: "safetensors",
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


def find_source(handle: str) -> Source:
    """Finds the encoder that a handle leads to, downloading its folder where it is remote.

    Args:
      handle: a folder (a TF-Hub module, a Google checkpoint, a keras-nlp preset or a safetensors folder); a name
        (`minilm`, one of `NAMED_MODULES` or of keras-nlp's BERT presets); or an `http(s)://` or `gs://` address of a
        TF-Hub module, a `gs://` address of any such folder or a `kaggle://` handle of one.

    Raises:
      InputError: it leads nowhere, or to a folder that holds no encoder or more than one.
    """
    handle = handle.strip()
    if handle == MINILM:
        return Source("minilm", handle)
    folder = _fetch(handle)
    if handle in NAMED_MODULES or "://" in handle or os.path.isdir(folder):
        return Source(_kind_of(folder), folder)
    if keras_preset.is_preset_name(handle):
        return Source("keras_preset", handle)
    names = ", ".join((MINILM, *NAMED_MODULES))
    raise InputError(
        f"encoder handle {handle!r}: there is no such folder, and the known names are {names} and keras-nlp's presets"
    )


def address_of(handle: str) -> str:
    """The address that a handle or a named module leads to; any other handle is a folder, and returned as it is."""
    module = NAMED_MODULES.get(handle.strip())
    return handle.strip() if module is None else module.hub_handle


def find_hub_module(handle: str) -> str:
    """Finds the folder of the TF-Hub module that a handle leads to, downloading it where it is remote.

    Args:
      handle: see `find_source`.

    Raises:
      InputError: it leads nowhere, or to something that is no TF-Hub module.
    """
    folder = _fetch(handle.strip())
    if not tf.io.gfile.exists(tf.io.gfile.join(folder, hub_graph.SAVED_MODEL_FILE)):
        raise InputError(f"{handle}: no TF-Hub module here, and --encoder_mode=wrap takes nothing else")
    return folder


def _fetch(handle: str) -> str:
    """The folder of a named module or an address, downloaded if need be; any other handle is taken for a folder."""
    if handle in NAMED_MODULES:
        return _fetch_named(handle)
    if handle.startswith(_KAGGLE):
        return _fetch_from_kaggle(handle.removeprefix(_KAGGLE))
    if addresses.is_web(handle) or (files.is_remote(handle) and handle.endswith((".tar.gz", ".tgz"))):
        return hub_download.fetch_module(handle)
    return _resolve(handle) if "://" in handle else os.path.expanduser(handle)


def _kind_of(path: str) -> Kind:
    found = [name for name in _KINDS if tf.io.gfile.exists(tf.io.gfile.join(path, name))]
    if not found:
        for name, reason in _NOT_READ.items():
            if tf.io.gfile.exists(tf.io.gfile.join(path, name)):
                raise InputError(f"{path}: {name} {reason}")
        raise InputError(f"{path}: holds no encoder; expected {' or '.join(_KINDS)} in it")
    if len(found) > 1:
        raise InputError(f"{path}: holds more than one encoder ({' and '.join(found)}); leave one in it")
    return _KINDS[found[0]]


def _resolve(address: str) -> str:
    """The folder that an address leads to, downloaded by tensorflow_hub if need be."""
    import tensorflow_hub as hub

    cache.use_for_tensorflow_hub()
    try:
        return hub.resolve(address)
    except _RESOLVER_ERRORS as error:
        raise InputError(f"{addresses.shown(address)}: cannot get this module ({one_line(error)})") from error


def _fetch_named(name: str) -> str:
    """The folder of a named module, from TensorFlow Hub or else from Kaggle."""
    module = NAMED_MODULES[name]
    try:
        return hub_download.fetch_module(module.hub_handle)
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
        raise InputError(f"{handle}: cannot get this model from Kaggle ({one_line(error)})") from error


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join((str(error) or type(error).__name__).split())
