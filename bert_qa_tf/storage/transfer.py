"""Fetches one file over HTTP, resumes what was cut off, and tries again what may go better a second time.

What goes in: addresses of one file, and where it should lie. What comes out: the file, complete by its length; whether
it is the right one is for its checksum to say, which is the caller's business. Only the standard library's HTTP client
is used: one GET with a Range header needs no more.
"""

from __future__ import annotations

import hashlib
import http.client
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from tqdm import tqdm

from bert_qa_tf.errors import InputError

_CHUNK_BYTES = 1 << 18
_TIMEOUT_SECS = 60.0
# Worth another try: the server is busy or broken, not the request wrong.
_RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)


def sha256_of(path: pathlib.Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _TryAgainError(Exception):
    """An attempt failed in a way that another may not."""


def transfer_from_any(
    urls: Sequence[str], part: pathlib.Path, size_bytes: int | None, attempts: int, wait_secs: float
) -> str:
    """Completes a file from the first address that works.

    Args:
      urls: addresses of the same file, tried in this order.
      part: what is there of it already is kept, and what is missing is added.
      size_bytes: of the whole file; None where it is not known.
      attempts: how often each address is tried when the connection fails; each goes on where the last one stopped.
      wait_secs: pause before the second attempt; doubled before each further one.

    Returns:
      The address that it came from.

    Raises:
      InputError: none of them works; says why for each, and how much is kept.
    """
    failures = []
    for url in urls:
        try:
            _transfer_with_retries(url, part, size_bytes, attempts, wait_secs)
        except InputError as error:
            failures.append(str(error))
        else:
            return url
    raise InputError("; ".join(failures))


def _transfer_with_retries(
    url: str, part: pathlib.Path, size_bytes: int | None, attempts: int, wait_secs: float
) -> None:
    for attempt in range(1, attempts + 1):
        try:
            _transfer(url, part, size_bytes)
            return
        except urllib.error.HTTPError as error:
            if error.code not in _RETRY_STATUS:
                raise InputError(f"{url}: the server answered {error.code} {error.reason}") from error
            reason = f"{error.code} {error.reason}"
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
    have = part.stat().st_size if part.exists() else 0
    kept = f"; {have:,} bytes are kept and the same command goes on from there" if have else ""
    raise InputError(f"{url}: gave up after {attempts} attempts ({reason}){kept}")


def _transfer(url: str, part: pathlib.Path, size_bytes: int | None) -> None:
    """One GET that completes `part`, from where it ends if the server can."""
    have = part.stat().st_size if part.exists() else 0
    if size_bytes is not None and have > size_bytes:
        part.unlink()
        have = 0
    if size_bytes is not None and have == size_bytes:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            # Nothing lies beyond what we have; whether that is the file, its checksum shows. If its length is known it
            # is not, and if no length is known a complete part cannot be told from one too long: so from the start.
            part.unlink()
            raise _TryAgainError("the server has nothing beyond what was kept") from error
        raise
    with response:
        continues = response.status == 206 and str(response.headers.get("Content-Range", "")).startswith(
            f"bytes {have}-"
        )
        if response.status == 206 and not continues:
            part.unlink()
            raise _TryAgainError("the server sent another range than asked for")
        # A server that ignores Range sends all of it with status 200.
        _receive(response, part, have if continues else 0)


def _receive(response: http.client.HTTPResponse, part: pathlib.Path, have: int) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length is not None else None
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
        while chunk := response.read(_CHUNK_BYTES):
            file.write(chunk)
            progress.update(len(chunk))
    received = part.stat().st_size
    if total is not None and received < total:
        raise _TryAgainError(f"the connection ended after {received:,} of {total:,} bytes")
