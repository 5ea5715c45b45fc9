"""Downloads public data sets by name and checks the SHA-256 of every file.

The files of a data set are written to `<folder>/<name>/`, next to a `checksums.json`. `storage.transfer` does the
fetching.

A file without a published checksum is pinned on first use: the SHA-256 of the first download is kept in
`checksums.json`, a message says so, and any later copy must match it.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, digests, files, transfer
from bert_qa_tf.tasks.question_answering.reading import input_formats

CHECKSUMS_FILE = "checksums.json"


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A file of a data set.

    Attributes:
      name: its name, both at the address and in the local folder.
      sha256: its published checksum; None if none is known.
      size_bytes: its length; None if it is not known.
    """

    name: str
    sha256: str | None = None
    size_bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A public data set.

    Attributes:
      base_urls: the addresses that hold all of its files, in the order in which they are tried.
      files: its files.
      licence: what its home says about its licence; "" if it says nothing.
    """

    base_urls: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    licence: str = ""


_SQUAD_HOMES = (
    "https://rajpurkar.github.io/SQuAD-explorer/dataset/",
    "https://raw.githubusercontent.com/rajpurkar/SQuAD-explorer/master/dataset/",
)
DATASETS: dict[str, Dataset] = {
    # Lee et al. 2018. The repository's owner changed name; the second address is the same repository.
    "spoken_squad": Dataset(
        (
            "https://raw.githubusercontent.com/chiahsuan156/Spoken-SQuAD/master/",
            "https://raw.githubusercontent.com/Chia-Hsuan-Lee/Spoken-SQuAD/master/",
        ),
        (
            RemoteFile("spoken_train-v1.1.json"),
            RemoteFile(
                "spoken_test-v1.1.json", "e44701f596141ddcb7933e438c3d93f3c9a9762f832c5dc5b0f8f46ea5cfc7b8", 3238553
            ),
            RemoteFile(
                "spoken_test-v1.1_WER44.json",
                "9823e39070ee7d0307b1974ec9d35fbfac3b29966b6c7b8c26ed80e3d8c9e98d",
                3399449,
            ),
            RemoteFile("spoken_test-v1.1_WER54.json"),
        ),
    ),
    # The same questions as rows.
    "spoken_squad_rows": Dataset(
        ("https://huggingface.co/datasets/alinet/spoken_squad/resolve/main/",),
        tuple(map(RemoteFile, ("train.json", "test.json", "test_WER44.json", "test_WER54.json"))),
        "unknown, says its card",
    ),
    # Lin et al. 2022. The sound is elsewhere: 27 GB at huggingface.co/datasets/voidful/NMSQA.
    "nmsqa": Dataset(
        ("https://raw.githubusercontent.com/DanielLin94144/DUAL-textless-SQA/main/data.parquet/",),
        (
            RemoteFile("train.parquet"),
            RemoteFile("dev.parquet", "9c2bc69bdc81ab9736b16bbf1ca6569c2f4da04d71e3dece796431493abded48", 4003705),
            RemoteFile("test.parquet", "ecee72b50d10c717aaf8d3390bce3fa5cd7da2ee9dacea901866518781d5aa55", 150710),
        ),
        "CC BY-SA 4.0 (the repository)",
    ),
    # Wu et al. 2023: questions as people asked them and a recogniser heard them. With sound, it is 15 GB of Parquet at
    # huggingface.co/datasets/yijingwu/HeySQuAD_human.
    "heysquad": Dataset(
        ("https://raw.githubusercontent.com/yijingjoanna/HeySQuAD/main/HeySQuAD_json/HeySQuAD_train/",),
        (
            RemoteFile("train-common-human-transcribed-48849.json"),
            RemoteFile("train-common-original-48849.json"),
        ),
        "MIT (the repository), CC BY 4.0 (its data set card)",
    ),
    "heysquad_test": Dataset(
        ("https://raw.githubusercontent.com/yijingjoanna/HeySQuAD/main/HeySQuAD_json/HeySQuAD_test/",),
        (
            RemoteFile(
                "dev-common-human-transcribed-1002.json",
                "9e2e1e19489f086a3a7472542931e46117dd35b35d7aaa81e98c4048c2b0b06a",
                585976,
            ),
            RemoteFile(
                "dev-common-original-1002.json",
                "e2170fc5a3e85fced5db4c44ccaae1f12e78537901401947cd24048c88814830",
                584018,
            ),
        ),
        "MIT (the repository), CC BY 4.0 (its data set card)",
    ),
    # Shon et al. 2023. The files hold the sound, too; those for training are 270.
    "slue_sqa5_test": Dataset(
        ("https://huggingface.co/datasets/asapp/slue-phase-2/resolve/main/sqa5/",),
        tuple(RemoteFile(f"test-{number:05}-of-00014.parquet") for number in range(14)),
        "CC BY-SA 4.0 for the spoken documents; the questions have those of their five data sets",
    ),
    "squad_v1.1": Dataset(
        _SQUAD_HOMES,
        (
            RemoteFile("train-v1.1.json", "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955", 30288272),
            RemoteFile("dev-v1.1.json", "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9", 4854279),
        ),
    ),
    "squad_v2.0": Dataset(
        _SQUAD_HOMES,
        (
            RemoteFile("train-v2.0.json", "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002", 42123633),
            RemoteFile("dev-v2.0.json", "80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8", 4370528),
        ),
    ),
}


def download_dataset(
    name: str,
    data_dir: str | os.PathLike[str],
    *,
    base_url: str | None = None,
    attempts: int = 4,
    wait_secs: float = 1.0,
    datasets: dict[str, Dataset] | None = None,
) -> list[pathlib.Path]:
    """Makes sure that a data set's files are present and correct, and prints what was done.

    Args:
      name: a key of `DATASETS`.
      data_dir: a local folder; files are written to `<data_dir>/<name>/`.
      base_url: an address that holds the files, instead of their public home.
      attempts: how often an address is tried if the connection fails; each attempt resumes where the last one stopped.
      wait_secs: the pause before the second attempt; it doubles before each further one.
      datasets: the table of data sets; `DATASETS` by default.

    Returns:
      The files, in the table's order.

    Raises:
      InputError: the data set is unknown, `data_dir` is remote, a file cannot be downloaded, or a checksum differs.
    """
    table = DATASETS if datasets is None else datasets
    if name not in table:
        raise InputError(f"no data set is called {name!r}, expected one of {', '.join(table)}")
    if files.is_remote(data_dir):
        raise InputError(
            f"data_dir={data_dir}: expected a local folder (a cut-off download cannot be resumed elsewhere)"
        )
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise InputError(f"base_url={base_url}: expected an http:// or https:// address")
    dataset = table[name]
    folder = pathlib.Path(data_dir) / name
    base_urls = dataset.base_urls if base_url is None else (base_url,)
    print(f"{name}: from {base_urls[0]}; licence: {dataset.licence or 'not stated there'}")
    files.make_folder(folder)
    pins = _read_pins(folder)
    paths = []
    for remote in dataset.files:
        urls = [f"{base.rstrip('/')}/{remote.name}" for base in base_urls]
        paths.append(_ensure_file(folder, remote, urls, pins, attempts, wait_secs))
    return paths


def _ensure_file(
    folder: pathlib.Path,
    remote: RemoteFile,
    urls: Sequence[str],
    pins: dict[str, dict[str, Any]],
    attempts: int,
    wait_secs: float,
) -> pathlib.Path:
    """Makes sure that one file is present: it may exist already, else it is fetched, checked and moved into place."""
    path = folder / remote.name
    expected = remote.sha256 or pins.get(remote.name, {}).get("sha256")
    if path.exists():
        digest = digests.sha256_of(path)
        if expected and digest != expected:
            raise InputError(f"{path}: has SHA-256 {digest}, expected {expected}; remove it to download it again")
        state = "matches" if expected else "was there before and is pinned now: no checksum is published for it"
        print(f"{path}: already there, its SHA-256 {state}")
    else:
        digest = _fetch(path, remote, urls, expected, attempts, wait_secs)
    if remote.name not in pins:
        pins[remote.name] = {
            "bytes": path.stat().st_size,
            "checked_against": "published" if remote.sha256 else "first use",
            "sha256": digest,
        }
        atomic_files.write_json(folder / CHECKSUMS_FILE, dict(sorted(pins.items())))
    return path


def _fetch(
    path: pathlib.Path,
    remote: RemoteFile,
    urls: Sequence[str],
    expected: str | None,
    attempts: int,
    wait_secs: float,
) -> str:
    """Downloads a file, prints a message, and returns the file's SHA-256."""
    # Without a checksum, check at least the file's form: a login or error page must not be pinned in its place.
    fetched = transfer.fetch(
        urls,
        path,
        sha256=expected,
        size_bytes=remote.size_bytes,
        check=None if expected else _check_shape,
        attempts=attempts,
        wait_secs=wait_secs,
    )
    how = (
        "its SHA-256 matches"
        if expected
        else f"no checksum is published for it: SHA-256 {fetched.sha256} is pinned from now on"
    )
    print(f"{path}: downloaded {path.stat().st_size:,} bytes from {fetched.url}, {how}")
    return fetched.sha256


def _check_shape(path: pathlib.Path) -> None:
    try:
        with odd_items.collect():  # whoever reads the file will be told
            input_formats.load_file(path, strict=False)
    except InputError as error:
        raise InputError(f"what came is no file of questions ({error})") from error


# --- Checksums ------------------------------------------------------------------------------------------------------


def _read_pins(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    path = folder / CHECKSUMS_FILE
    if not path.exists():
        return {}
    try:
        pins = files.read_json(path)
        if all(isinstance(pin["sha256"], str) for pin in pins.values()):
            return pins
    except (InputError, TypeError, KeyError):
        pass
    raise InputError(f"{path}: expected an object of file name → {{sha256, bytes}}; remove it to pin the files anew")
