"""Reads the rows of Parquet files with pyarrow, a few at a time, and of the columns only those that are needed.

Columns of audio are never loaded. Columns that are dictionaries, `large_string`, lists of structs or structs of lists
come as plain Python values.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

if TYPE_CHECKING:
    import pyarrow.parquet

MAGIC = b"PAR1"
ARROW_MAGICS = (b"ARROW1", b"\xff\xff\xff\xff")

_ROWS_AT_A_TIME = 64
# Columns in a message.
_LISTED = 20
# Of a file's footer: more than any real one has.
_MAX_FOOTER_STRING_BYTES = 16 << 20
_MAX_FOOTER_ITEMS = 1 << 20
# No text or list of a question is as large; a damaged file may claim it.
_MAX_BATCH_BYTES = 64 << 20


class ParquetFile:
    """A Parquet file that is open for reading; a context manager.

    Args:
      path: the file, which may be remote.

    Raises:
      InputError: there is no such file, or it is no whole Parquet file; or pyarrow is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> ParquetFile:
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise InputError(
                f"{self.path}: reading Parquet needs pyarrow, which is not installed: pip install pyarrow"
            ) from error
        with self._stack:
            file = self._stack.enter_context(files.open_binary(self.path))
            size = file.seek(0, os.SEEK_END)
            if size < 2 * len(MAGIC) + 4:
                raise InputError(f"{self.path}: {size} bytes are no whole Parquet file; was a download cut off?")
            with self._explained():
                self._file: pyarrow.parquet.ParquetFile = parquet.ParquetFile(
                    _Whole(file, size),
                    pre_buffer=False,
                    thrift_string_size_limit=_MAX_FOOTER_STRING_BYTES,
                    thrift_container_size_limit=_MAX_FOOTER_ITEMS,
                    page_checksum_verification=True,
                )
                # Names in the schema that are no UTF-8 show here.
                self.schema = self._file.schema_arrow
                self.columns = tuple(self.schema.names)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def children(self, column: str) -> frozenset[str]:
        """Returns the names of the fields in a column of structs, of lists of structs, or of structs of lists."""
        from pyarrow import types

        if self.columns.count(column) != 1:
            return frozenset()
        kind = self.schema.field(column).type
        while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            kind = kind.value_type
        return frozenset(field.name for field in kind) if types.is_struct(kind) else frozenset()

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yields the rows with the given columns, as far as the file has them.

        Raises:
          InputError: the file is damaged, or holds a column twice.
        """
        wanted = [name for name in self.columns if name in columns]
        if len(set(wanted)) != len(wanted):
            twice = next(name for name in wanted if wanted.count(name) > 1)
            raise InputError(f"{self.path}: has two columns {twice!r}, expected one")
        with self._explained():
            batches = self._file.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=wanted, use_threads=False)
        while True:
            with self._explained():
                batch = next(batches, None)
                if batch is None:
                    return
                if batch.nbytes > _MAX_BATCH_BYTES:
                    raise InputError(
                        f"{self.path}: {batch.num_rows} rows of text take {batch.nbytes >> 20} MB, at most "
                        f"{_MAX_BATCH_BYTES >> 20} MB are read"
                    )
                batch.validate(full=True)
                rows = batch.to_pylist()
            yield from rows

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Converts pyarrow's errors into an `InputError` of one line."""
        import pyarrow

        try:
            yield
        except InputError:
            raise
        except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"{self.path}: no Parquet file that can be read ({reason}); was a download cut off?"
            ) from error


class _Whole:
    """A file that is never asked for more than it holds; a damaged page may claim 2 GB, which would be allocated."""

    closed = False

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self.seek, self.tell = file.seek, file.tell
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        """Does nothing: whoever opened the file closes it."""


def listed(names: Sequence[str]) -> str:
    """Returns the names of columns for a message, `'a', 'b', …`."""
    shown = ", ".join(ascii(name[:40]) for name in names[:_LISTED])
    return f"{shown}, … ({len(names)} columns)" if len(names) > _LISTED else shown or "none"
