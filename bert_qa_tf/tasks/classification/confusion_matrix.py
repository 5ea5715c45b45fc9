"""Shows a confusion matrix as a table for the terminal and as a picture.

Rows are gold classes and columns are predicted classes. Pictures need matplotlib, which is imported when one is drawn.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURE_EXTENSIONS = (".png", ".svg")
_MAX_LABEL_CHARS = 24
_PNG_DOTS_PER_INCH = 150
# With more classes, numbers in the cells would be too small to read, so only their colours are shown.
_MAX_CLASSES_WITH_NUMBERS = 30
# Shown instead of a share in an empty row.
_NO_SHARE = "–"
# Shown instead of 0: in a table of many classes most pairs never occur, and dots make the others stand out.
_ZERO = "·"


# === Text ===


def format_table(confusion: np.ndarray, labels: Sequence[str], max_width: int = 100) -> str:
    """Formats the matrix as text, with each class's precision and recall at the end of its row.

    Args:
      confusion: `<int64>[num_classes, num_classes]`, from `metrics.confusion_matrix`.
      labels: the names of the classes.
      max_width: characters in a line; if names above the columns would make it longer, numbers are shown instead.
    """
    names = [_shown(label) for label in labels]
    table = _table(confusion, names, names)
    if max(map(len, table)) > max_width:
        numbers = [str(number) for number in range(1, len(names) + 1)]
        rows = [f"{number.rjust(len(numbers[-1]))} {name}" for number, name in zip(numbers, names, strict=True)]
        table = _table(confusion, rows, numbers)
    return "\n".join(line.rstrip() for line in table)


def _table(confusion: np.ndarray, row_names: list[str], column_names: list[str]) -> list[str]:
    support, predicted, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diagonal(confusion)
    rows = [["gold \\ predicted", *column_names, "total", "precision", "recall"]]
    for index, name in enumerate(row_names):
        counts = [str(count) if count else _ZERO for count in confusion[index]]
        shares = [_percent(hits[index], whole[index]) for whole in (predicted, support)]
        rows.append([name, *counts, str(support[index]), *shares])
    rows.append(["total", *map(str, predicted), str(confusion.sum()), "", ""])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        name.ljust(widths[0]) + "".join(cell.rjust(2 + width) for cell, width in zip(cells, widths[1:], strict=True))
        for name, *cells in rows
    ]


def _percent(part: int, whole: int) -> str:
    return f"{100.0 * part / whole:.1f} %" if whole else _NO_SHARE


def _shown(label: str) -> str:
    line = " ".join(label.split())
    return line if len(line) <= _MAX_LABEL_CHARS else line[: _MAX_LABEL_CHARS - 1] + "…"


# === Pictures ===


def write_picture(
    path: files.PathLike, confusion: np.ndarray, labels: Sequence[str], title: str = "Confusion matrix"
) -> None:
    """Draws the matrix; each cell shows its count and its share of the gold class, which also sets the cell's colour.

    With the same version of matplotlib, the same matrix gives the same bytes. A PNG shows only the letters of
    matplotlib's own font: Latin, Greek, Cyrillic and some other scripts. An SVG contains text that the viewer renders.

    Args:
      path: the file to write; may be remote. Its extension, one of `PICTURE_EXTENSIONS`, decides the format.
      confusion: `<int64>[num_classes, num_classes]`, from `metrics.confusion_matrix`.
      labels: the names of the classes.
      title: the title, shown above a line with the number of examples and the accuracy.

    Raises:
      InputError: matplotlib is not installed, the extension is not supported, or the file cannot be written.
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    if extension not in PICTURE_EXTENSIONS:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(PICTURE_EXTENSIONS)}")
    try:
        import matplotlib.style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("drawing needs matplotlib: pip install 'bert_qa_tf[plots]'") from error
    # The user's own matplotlib settings are ignored. An SVG gets the same names in each run, and searchable text.
    settings = {"svg.hashsalt": "bert_qa_tf", "svg.fonttype": "none"}
    # A date or a version of matplotlib in the metadata would make equal pictures differ.
    metadata = {"Date": None} if extension == ".svg" else {"Software": None}
    with matplotlib.style.context(["default", settings], after_reset=True), atomic_files.replacing(path) as file:
        figure = Figure()
        _draw(figure, confusion, [_shown(label) for label in labels], title)
        # "tight" enlarges the page to include names, title and colour bar, which lie outside the figure's own area.
        figure.savefig(
            file, format=extension[1:], dpi=_PNG_DOTS_PER_INCH, metadata=metadata, bbox_inches="tight", pad_inches=0.15
        )


def _draw(figure: Figure, confusion: np.ndarray, labels: list[str], title: str) -> None:
    has_numbers = len(labels) <= _MAX_CLASSES_WITH_NUMBERS
    # In inches. Cells shrink as their number grows, but still have room for their counts.
    cell = 0.25
    if has_numbers:
        cell = max(min(4.4 / len(labels), 1.5), 0.62, 0.08 * len(f"{confusion.max():,}") + 0.1)
    side = cell * len(labels)
    figure.set_size_inches(side, side)
    axes = figure.add_axes((0, 0, 1, 1))
    support = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, support, out=np.zeros(confusion.shape), where=support != 0)
    # One hue from light to dark is readable in black-and-white print and with any colour blindness.
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    if has_numbers:
        _write_numbers(axes, confusion, shares, cell)
    _name_axes(axes, labels, is_slanted=0.1 * max(map(len, labels)) > cell)
    accuracy = _percent(np.trace(confusion), confusion.sum())
    axes.set_title(f"{confusion.sum():,} examples, accuracy {accuracy}", fontsize=10)
    axes.annotate(
        textwrap.fill(title, max(36, int(9 * side))),
        xy=(0.5, 1.0),
        xycoords="axes fraction",
        xytext=(0, 26),
        textcoords="offset points",
        ha="center",
        fontsize=13,
        parse_math=False,
    )
    place = figure.add_axes((1 + 0.15 / side, 0, 0.16 / side, 1))
    bar = figure.colorbar(image, cax=place, format=lambda share, _: f"{100 * share:.0f} %")
    bar.set_label("share of the gold class")
    bar.outline.set_visible(False)


def _write_numbers(axes: Axes, confusion: np.ndarray, shares: np.ndarray, cell: float) -> None:
    count_size, share_size = np.clip(12 * cell, 8, 14), np.clip(9.5 * cell, 6.5, 10.5)
    digits = 1 if cell > 0.8 else 0
    for (row, column), count in np.ndenumerate(confusion):
        share = shares[row, column]
        # White is easier to read than black on dark colours.
        style: dict[str, Any] = {"ha": "center", "color": "white" if share > 0.7 else "black"}
        if not count:
            axes.text(column, row, "0", va="center", fontsize=share_size, alpha=0.4, **style)
            continue
        axes.text(column, row - 0.01, f"{count:,}", va="bottom", fontsize=count_size, **style)
        axes.text(column, row + 0.06, _share(share, digits), va="top", fontsize=share_size, **style)


def _share(share: float, digits: int) -> str:
    smallest = 10.0**-digits
    return f"{100 * share:.{digits}f} %" if 200 * share >= smallest else f"<{smallest:.{digits}f} %"


def _name_axes(axes: Axes, labels: list[str], is_slanted: bool) -> None:
    places = np.arange(len(labels))
    slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if is_slanted else {}
    # Otherwise dollar signs in a label would make it a formula.
    axes.set_xticks(places, labels, parse_math=False, **slant)
    axes.set_yticks(places, labels, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    # Minor ticks draw white lines between the cells.
    axes.set_xticks(places[1:] - 0.5, minor=True)
    axes.set_yticks(places[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
