"""Settings of reading files of labelled sentences."""

from __future__ import annotations

import dataclasses

from bert_qa_tf.config.checks import require
from bert_qa_tf.config.options import option

TEXT_COLUMN = (
    "Name of the column that holds the texts in a table, or its position, counted from 0; the key in JSON lines. By "
    "default sentence or text."
)
HEADER_ROW = (
    "Whether the first line of a table names its columns. By default yes, unless all columns are given by position."
)
# `client` has a --header of its own.
HEADER_ROW_FLAG = "header_row"


@dataclasses.dataclass(frozen=True)
class ColumnsConfig:
    """Which columns of a table hold the texts and their labels.

    A column is given by its name in the header, or by its position, where "0" is the first column. In JSON lines, whose
    keys have no order, it is always the name of a key.

    Attributes:
      text: the column of the texts; None for `sentence` or `text`, whichever the header has.
      label: the column of the labels; None for `label`, if the header has it.
      header: whether the first line of a table names its columns. None means that it does, unless all columns are given
        by position. For example, GLUE's SST-2 has a header, and its CoLA has none.
    """

    text: str | None = option(None, TEXT_COLUMN, flag="text_column")
    label: str | None = option(
        None, "Column or key of the labels, as for --text_column. By default label.", flag="label_column"
    )
    header: bool | None = option(None, HEADER_ROW, flag=HEADER_ROW_FLAG)

    def __post_init__(self) -> None:
        given = [column for column in (self.text, self.label) if column is not None]
        require(all(column.strip() for column in given), "the name of a column is empty, expected a name or a position")
        require(self.text is None or self.text != self.label, f"column {self.text!r} cannot hold both texts and labels")
        if not self.has_header:
            require(self.text is not None, "in a table without a header, the texts need the position of their column")
            named = [column for column in given if column_position(column) is None]
            require(not named, f"a table without a header has no column {', '.join(named)!r}: give its position")

    @property
    def has_header(self) -> bool:
        """Whether the first line of a table names its columns."""
        if self.header is not None:
            return self.header
        given = [column for column in (self.text, self.label) if column is not None]
        return not given or any(column_position(column) is None for column in given)


def column_position(column: str) -> int | None:
    """The position that `column` gives, counted from 0; None if it is a name."""
    return int(column) if column.isascii() and column.isdigit() else None
