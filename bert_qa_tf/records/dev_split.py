"""Which articles are set aside for development.

Whole articles are: two questions about one text on either side of the cut would make development scores look better
than they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set


class DevSplit:
    """Collects the units (articles) of every file, then decides.

    The choice depends on the seed and the titles alone, so that the same article is on the same side in every file that
    holds it, and adding a file moves nothing across.

    Args:
      fraction: of each file's articles, rounded, at least one where it is above 0.
      seed: decides which.
      warn: called with a line for each file that had to be cut by paragraph, or could not be cut.
    """

    def __init__(self, fraction: float, seed: int, warn: Callable[[str], None]) -> None:
        self._fraction = fraction
        self._seed = seed
        self._warn = warn
        self._by_paragraph: set[str] = set()
        self._held_out: set[tuple[str, int]] = set()

    def add_file(self, name: str, paragraphs: Set[tuple[str, int]]) -> None:
        """Takes note of a file's articles; a file with a single one is cut by paragraph.

        Args:
          name: for the warning.
          paragraphs: title and number of each paragraph of the file that has questions.
        """
        if not self._fraction:
            return
        titles = {title for title, _ in paragraphs}
        if len(paragraphs) == 1:
            self._warn(f"{name}: one paragraph only, so nothing of it is set aside for development")
            return
        if len(titles) == 1:
            self._by_paragraph |= titles
            units = sorted(paragraphs)
            self._warn(
                f"{name}: one article only, so its development split is cut by paragraph ({len(units)} of them); "
                "scores on it will flatter, since both sides are about the same subject"
            )
        else:
            units = [(title, -1) for title in sorted(titles)]
        count = min(max(1, round(len(units) * self._fraction)), len(units) - 1)
        self._held_out.update(sorted(units, key=self._fingerprint)[:count])

    def holds_out(self, title: str, paragraph_index: int) -> bool:
        """Whether a paragraph of an article belongs to development."""
        article, paragraph = (title, -1), (title, paragraph_index)
        return article in self._held_out or (title in self._by_paragraph and paragraph in self._held_out)

    def _fingerprint(self, unit: tuple[str, int]) -> bytes:
        name = f"{self._seed}\0{unit[0]}\0{unit[1]}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, digest_size=8).digest()
