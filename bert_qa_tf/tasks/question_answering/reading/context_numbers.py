"""Names and numbers the texts of forms that have no articles, so that questions about one text stay together."""

from __future__ import annotations

import hashlib

_DIGEST_BYTES = 8


class ContextNumbers:
    """The texts of one file, or of several that belong together."""

    def __init__(self) -> None:
        # Title → digest of a text → the number of that text.
        self._numbers: dict[str, dict[bytes, int]] = {}

    @property
    def num_titles(self) -> int:
        """The number of titles so far."""
        return len(self._numbers)

    def number(self, title: str | None, context: str) -> tuple[str, int, bool]:
        """Returns a text's title, its number among those of this title, and whether it is new.

        Args:
          title: None if the file has none: it is then named after its content.
          context: the text.
        """
        digest = hashlib.blake2b(context.encode("utf-8"), digest_size=_DIGEST_BYTES).digest()
        title = f"context_{digest.hex()}" if title is None else title
        numbers = self._numbers.setdefault(title, {})
        is_new = digest not in numbers
        return title, numbers.setdefault(digest, len(numbers)), is_new
