"""Chooses the articles that are set aside for development.

Articles are set aside as a whole. If questions about one text were in both splits, development scores would be too
high.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set


class DevSplit:
    """Collects the articles of every file and chooses some of them for development.

    The choice depends only on the seed and the titles. So an article is in the same split in every file that holds it,
    and adding a file moves no article to the other split.

    Args:
      fraction: the share of each file's articles to set aside, rounded; at least one article if it is above 0.
      seed: the seed of the choice.
      warn: called with a line for each file that had to be split by paragraph, or could not be split.
    """

    def __init__(self, fraction: float, seed: int, warn: Callable[[str], None]) -> None:
        self._fraction = fraction
        self._seed = seed
        self._warn = warn
        self._by_paragraph: set[str] = set()
        self._held_out: set[tuple[str, int]] = set()

    def add_file(self, name: str, paragraphs: Set[tuple[str, int]]) -> None:
        """Adds a file's articles; a file with a single article is split by paragraph.

        Args:
          name: the file's name, for warnings.
          paragraphs: the title and number of each paragraph of the file that has questions.
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
        """Returns whether a paragraph of an article belongs to the development split."""
        article, paragraph = (title, -1), (title, paragraph_index)
        return article in self._held_out or (title in self._by_paragraph and paragraph in self._held_out)

    def _fingerprint(self, unit: tuple[str, int]) -> bytes:
        name = f"{self._seed}\0{unit[0]}\0{unit[1]}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(name, digest_size=8).digest()
