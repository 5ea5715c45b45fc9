"""An export as one file to hand on: packed with checksums, fetched, checked, unpacked once.

What goes in: the folders that `export` wrote, or the address of an archive. What comes out: `<name>.tar.gz` with
`<name>.tar.gz.sha256` beside it, or the version folder of a checked copy in the user's cache.

    qa/1/…  qa_ids/1/…   the two SavedModels
    MODEL_CARD.md        what they are
    SHA256SUMS           of every file above, as `sha256sum --check` reads it

An archive of the same files has the same bytes, whoever packs it and when.
"""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import re
import shutil
import tarfile
import tempfile
import urllib.parse
from collections.abc import Mapping

from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import model_card, warmup
from bert_qa_tf.storage import digests, files, transfer
from bert_qa_tf.storage.cache import cache_dir

SUMS_FILE = "SHA256SUMS"
_ENDINGS = (".tar.gz", ".tgz")
_SHA256 = re.compile(r"[0-9a-f]{64}")


# === Packing ===


def check_target(path: str) -> None:
    """Sees to it that `pack` may write there, before hours of other work.

    Raises:
      InputError: the path is remote or has another ending.
    """
    if not path.endswith(_ENDINGS) or files.is_remote(path):
        raise InputError(f"{path}: expected a local path that ends in .tar.gz")


def folders_of(*folders: str) -> dict[str, str]:
    """Where exported models go in an archive, `<name>/<version>`: what `pack` takes."""
    return {"/".join(folder.rstrip("/").split("/")[-2:]): folder for folder in folders}


def pack(folders: Mapping[str, str], path: str | os.PathLike[str]) -> str:
    """Packs exported models into an archive.

    Args:
      folders: where each goes in the archive (`qa/1`) → the version folder, a local one.
      path: the archive, a local path that ends in .tar.gz; `<path>.sha256` is written beside it.

    Returns:
      The archive's SHA-256, in hexadecimal.

    Raises:
      InputError: the path has another ending, or something cannot be read or written.
    """
    path = os.fspath(path)
    check_target(path)
    contents: dict[str, pathlib.Path] = {}
    for name, folder in folders.items():
        if files.is_remote(folder):
            raise InputError(f"{folder}: only a local export can be packed")
        root = pathlib.Path(folder)
        contents |= {f"{name}/{file.relative_to(root).as_posix()}": file for file in root.rglob("*") if file.is_file()}
        card = root / warmup.FOLDER / model_card.CARD_FILE
        if card.exists():
            contents["MODEL_CARD.md"] = card
    sums = "".join(f"{digests.sha256_of(file)}  {name}\n" for name, file in sorted(contents.items()))
    # Neither a time nor a name in gzip's header; and no owner, time or mode of the machine in tar's.
    with (
        files.replacing(path) as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        _add(archive, SUMS_FILE, io.BytesIO(sums.encode()), len(sums.encode()))
        for name, file in sorted(contents.items()):
            with file.open("rb") as content:
                _add(archive, name, content, file.stat().st_size)
    digest = digests.sha256_of(path)
    files.write_text(f"{path}.sha256", f"{digest}  {os.path.basename(path)}\n")
    return digest


def _add(archive: tarfile.TarFile, name: str, content: io.BufferedIOBase, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, content)


# === Unpacking ===


def is_archive(address: str) -> bool:
    """Whether an address names an archive, and no folder; see `locate`."""
    return urllib.parse.urldefrag(address).url.endswith(_ENDINGS)


def locate(address: str) -> str:
    """The version folder behind an address.

    A folder is itself. An archive is unpacked into the user's cache, once for each content, and is trusted only where
    its SHA-256 is what it should be: what the address says behind `#sha256=`, or what the `.sha256` file beside it
    says. A local archive may come without either; its own `SHA256SUMS` must hold in any case.

    Args:
      address: a folder, or a .tar.gz that is a local file, at `https://…` or `http://…`, or where TensorFlow's file
        layer reaches (`gs://…`).

    Returns:
      The folder of the model that takes text, `qa/<version>` for instance: the archive's only one.

    Raises:
      InputError: it cannot be had, has another checksum, or is no archive of an export.
    """
    if not is_archive(address):
        return address
    url, fragment = urllib.parse.urldefrag(address)
    expected = _expected_digest(url, fragment)
    if expected is not None and (there := _unpacked(expected)) is not None:
        return there
    if not files.is_remote(url):
        if not os.path.isfile(url):
            raise InputError(f"{url}: no such archive")
        digest = digests.sha256_of(url)
        if expected not in (None, digest):
            raise InputError(f"{url}: has SHA-256 {digest}, expected {expected}; nothing was kept")
        return _unpack(pathlib.Path(url), url, digest)
    # Named by content: what was cut off is gone on with, wherever it came from.
    download = cache_dir() / "downloads" / expected
    transfer.fetch([url], download, sha256=expected)
    try:
        return _unpack(download, url, expected)
    finally:
        download.unlink(missing_ok=True)


def _expected_digest(url: str, fragment: str) -> str | None:
    """The SHA-256 that an archive should have; None for a local one of which nobody says."""
    if fragment:
        digest = fragment.removeprefix("sha256=").lower()
        if not _SHA256.fullmatch(digest):
            raise InputError(f"{url}#{fragment}: expected #sha256= and 64 hexadecimal digits behind the address")
        return digest
    beside = f"{url}.sha256"
    if not files.is_remote(url) and not os.path.exists(beside):
        return None
    try:
        text = _read_text(beside)
    except InputError as error:
        raise InputError(f"{error}; without that checksum, add #sha256=… to the archive's address") from error
    found = _SHA256.match(text.lower())
    if not found:
        raise InputError(f"{beside}: expected a line as `sha256sum` writes it, got {text[:40]!r}")
    return found[0]


def _read_text(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return files.read_bytes(url).decode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "text"
        transfer.fetch([url], path)
        return path.read_text(encoding="utf-8", errors="replace")


def _folder_of(digest: str) -> pathlib.Path:
    return cache_dir() / "exports" / digest


def _unpacked(digest: str) -> str | None:
    """The version folder of an archive that was unpacked before."""
    folder = _folder_of(digest)
    return _version_folder(folder, str(folder)) if folder.is_dir() else None


def _version_folder(folder: pathlib.Path, source: str) -> str:
    models = sorted(folder.glob("*/*/saved_model.pb"))
    taking_text = [model.parent for model in models if not model.parts[-3].endswith("_ids")]
    if len(taking_text) != 1:
        raise InputError(
            f"{source}: holds {len(taking_text)} models that take text, expected one; is it an archive of `export`?"
        )
    return str(taking_text[0])


def _unpack(path: pathlib.Path, source: str, digest: str) -> str:
    """Unpacks a local archive, whose SHA-256 is `digest`, into the cache, whole or not at all."""
    if (there := _unpacked(digest)) is not None:
        return there
    target = _folder_of(digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(dir=target.parent, prefix=".unpacking-"))
    try:
        try:
            with tarfile.open(path, "r:gz") as archive:
                # Refuses links, devices and names that lead out of the folder.
                archive.extractall(temporary, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise InputError(f"{source}: cannot be unpacked ({error}); expected an archive of `export`") from error
        _check_sums(temporary, source)
        _version_folder(temporary, source)
        try:
            temporary.rename(target)
        except OSError:
            # Somebody else unpacked the same just now.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _version_folder(target, source)


def _check_sums(folder: pathlib.Path, source: str) -> None:
    """Holds every file to `SHA256SUMS`, and that list to the files."""
    listing = folder / SUMS_FILE
    if not listing.is_file():
        raise InputError(f"{source}: holds no {SUMS_FILE}; expected an archive of `export`")
    listed = dict(reversed(line.split("  ", 1)) for line in files.read_text(listing).splitlines() if "  " in line)
    found = {
        file.relative_to(folder).as_posix(): digests.sha256_of(file)
        for file in folder.rglob("*")
        if file.is_file() and file != listing
    }
    wrong = sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name))
    if wrong:
        raise InputError(f"{source}: {wrong[0]} is not what {SUMS_FILE} says ({len(wrong)} such files)")
