"""Downloads a file with resumption, retries and a SHA-256 check.

The data is written to `<name>.part` beside the target and moved into place when it is complete and correct, so a file
with the final name is always whole. The standard library's HTTP client is enough for a GET with a Range header (see
`addresses.py`). Other addresses (`gs://…`) are read through TensorFlow's file layer, always from the start. Nothing is
received beyond the size that is expected.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import pathlib
import re
import ssl
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from tqdm import tqdm

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import addresses, digests, files

_CHUNK_BYTES = 1 << 18
_TIMEOUT_SECS = 60.0
# Of a file of unknown size: several times the largest model that anyone would load here.
MAX_BYTES = 8 * 2**30
# These are retried: the server is busy or broken, and the request itself is fine.
_RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
# The length of the whole file, at the end of a Content-Range.
_WHOLE = re.compile(r"/([0-9]{1,19})$")


class Fetched(NamedTuple):
    """The address that a file was downloaded from, as messages show it, and its SHA-256 in hexadecimal."""

    url: str
    sha256: str


class _Size(NamedTuple):
    """The length of a file where it is known, and the limit on it where it is not."""

    exact: int | None
    limit: int

    @property
    def most(self) -> int:
        return self.limit if self.exact is None else self.exact

    @property
    def words(self) -> str:
        return f"{'at most ' if self.exact is None else ''}{self.most:,}"


class _TryAgainError(Exception):
    """An attempt failed, and another one may succeed."""


def fetch(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    max_bytes: int = MAX_BYTES,
    check: Callable[[pathlib.Path], None] | None = None,
    attempts: int = 4,
    wait_secs: float = 1.0,
) -> Fetched:
    """Downloads a file from the first address that works and replaces any file at `path`.

    If an earlier attempt left `<path>.part`, only the missing rest is downloaded. If the result has the wrong SHA-256,
    the file is downloaded once more from the start, because the part may belong to another version.

    Args:
      urls: addresses of the same file, tried in this order.
      path: the target, a local path; its folder is created if it is missing.
      sha256: the file's SHA-256 in hexadecimal; None if it is not known.
      size_bytes: the file's size; None if it is not known.
      max_bytes: the most that is received of a file whose size is not known.
      check: called with the complete file before it is moved into place; raises an `InputError` to refuse it.
      attempts: how often each address is tried when the connection fails; each attempt resumes the one before.
      wait_secs: pause before the second attempt; doubled before each further one.

    Raises:
      InputError: no address works (the message gives the reason for each and how much is kept), the downloaded file is
        wrong or too large, or it cannot be written. An existing file at `path` is then left unchanged.
    """
    path = pathlib.Path(path)
    part = path.with_name(f"{path.name}.part")
    size = _Size(size_bytes, max_bytes)
    files.make_folder(path.parent)
    try:
        with _held(part):
            resumed = part.stat().st_size > 0
            url = _transfer_from_any(urls, part, size, attempts, wait_secs)
            digest = digests.sha256_of(part)
            if resumed and sha256 not in (None, digest):
                os.truncate(part, 0)
                url = _transfer_from_any(urls, part, size, attempts, wait_secs)
                digest = digests.sha256_of(part)
            try:
                if sha256 not in (None, digest):
                    raise InputError(f"has SHA-256 {digest}, expected {sha256}")
                if check is not None:
                    check(part)
            except InputError as error:
                part.unlink()
                raise InputError(f"{url}: {error}; nothing was kept") from error
            os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: cannot write this file ({error.strerror})") from error
    return Fetched(url, digest)


@contextlib.contextmanager
def _held(part: pathlib.Path) -> Iterator[None]:
    """Locks a part, so that another process that downloads the same file waits."""
    while True:
        with part.open("ab") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(part, file):
                continue  # the process that held the lock has moved or removed the part
            try:
                yield
            finally:
                if _is_at(part, file) and not part.stat().st_size:
                    part.unlink()
            return


def _is_at(path: pathlib.Path, file: BinaryIO) -> bool:
    """Returns whether an open file is still at `path`; it may have been moved or removed."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _transfer_from_any(urls: Sequence[str], part: pathlib.Path, size: _Size, attempts: int, wait_secs: float) -> str:
    """Completes a part from the first address that works, and returns that address."""
    failures = []
    for url in urls:
        try:
            _transfer_with_retries(url, part, size, attempts, wait_secs)
        except InputError as error:
            failures.append(str(error))
        else:
            return addresses.shown(url)
    raise InputError("; ".join(failures))


def _transfer_with_retries(url: str, part: pathlib.Path, size: _Size, attempts: int, wait_secs: float) -> None:
    for attempt in range(1, attempts + 1):
        try:
            _transfer(url, part, size)
            return
        except urllib.error.HTTPError as error:
            if error.code not in _RETRY_STATUS:
                raise InputError(f"{addresses.shown(url)}: the server answered {_answer(error)}") from error
            reason = _answer(error)
        except (
            urllib.error.URLError,
            http.client.HTTPException,
            ConnectionError,
            TimeoutError,
            ssl.SSLError,
            _TryAgainError,
        ) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        if attempt < attempts:
            time.sleep(wait_secs * 2 ** (attempt - 1))
    have = part.stat().st_size
    kept = f"; {have:,} bytes are kept and the same command goes on from there" if have else ""
    raise InputError(f"{addresses.shown(url)}: gave up after {attempts} attempts ({reason}){kept}")


def _answer(error: urllib.error.HTTPError) -> str:
    """A status and the server's words, which it chooses, in one short line."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(error.reason)).split())
    return f"{error.code} {words[:200]}"


def _transfer(url: str, part: pathlib.Path, size: _Size) -> None:
    """Completes `part`, starting at its end if the server supports that."""
    if not addresses.is_web(url):
        with files.open_binary(url) as source:
            _receive(source, url, part, 0, None, size)
        return
    have = part.stat().st_size
    if have > size.most:
        os.truncate(part, 0)
        have = 0
    if have == size.exact:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        response = addresses.open_address(url, headers, _TIMEOUT_SECS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # The server has no data beyond the part. If the size is known, the part has another size and so is wrong.
            # If it is not known, a complete part cannot be told from one that is too long. Both start again.
            os.truncate(part, 0)
            raise _TryAgainError("the server has nothing beyond what was kept") from error
        raise
    with response:
        continues = response.status == 206 and str(response.headers.get("Content-Range", "")).startswith(
            f"bytes {have}-"
        )
        if response.status == 206 and not continues:
            os.truncate(part, 0)
            raise _TryAgainError("the server sent another range than asked for")
        # A server that ignores Range sends the whole file with status 200.
        have = have if continues else 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
        whole = _WHOLE.search(str(response.headers.get("Content-Range", ""))) if continues else None
        if whole is not None:
            total = int(whole[1])  # the range that was sent may end before the file does
        _receive(response, url, part, have, total, size)


def _receive(source: BinaryIO, url: str, part: pathlib.Path, have: int, total: int | None, size: _Size) -> None:
    """Writes a source to the end of the first `have` bytes of a part; `total` is the length that the server states."""
    if total is not None and total > size.most:
        raise InputError(f"{addresses.shown(url)}: the server states {total:,} bytes, expected {size.words}")
    with (
        part.open("ab" if have else "wb") as file,
        tqdm(
            desc=part.name.removesuffix(".part"),
            total=total,
            initial=have,
            unit="B",
            unit_scale=True,
            disable=not sys.stderr.isatty(),
        ) as progress,
    ):
        received = have
        while chunk := source.read(_CHUNK_BYTES):
            received += len(chunk)
            if received > size.most:
                file.truncate(0)
                raise InputError(f"{addresses.shown(url)}: the server sends more bytes than expected, {size.words}")
            file.write(chunk)
            progress.update(len(chunk))
    if total is not None and received < total:
        raise _TryAgainError(f"the connection ended after {received:,} of {total:,} bytes")
