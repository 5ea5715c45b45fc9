"""Counts word errors: how much of what was said was heard wrongly.

Both texts are verbalized first, so that "45", "forty-five" and "Forty five!" are the same. Needs jiwer (the extra
`speech`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.text.verbalization import verbalize


class WordErrors(NamedTuple):
    """Errors of some recognised speech; they add up over texts.

    Attributes:
      num_errors: words replaced, dropped and inserted.
      num_words: words said.
    """

    num_errors: int
    num_words: int

    @property
    def rate(self) -> float | None:
        """Errors for each word said, which may be above 1; None where none was said."""
        return self.num_errors / self.num_words if self.num_words else None


def check_installed() -> None:
    """Refuses to begin what could not be counted.

    Raises:
      InputError: jiwer is not installed.
    """
    try:
        import jiwer  # noqa: F401
    except ImportError as error:
        raise InputError("jiwer is not installed: pip install -r requirements/speech.txt") from error


def verbalized_text(text: str) -> str:
    """`text` as it is said (see `verbalization.py`), with a space between two words."""
    return " ".join(word.text for word in verbalize(text))


def count_word_errors(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """The fewest errors that turn what was said into what was heard.

    Args:
      said: verbalized texts, such as sentences.
      heard: of the same length; "" where nothing was heard.
    """
    pairs = [(s, h) for s, h in zip(said, heard, strict=True) if s]
    # What was heard where nothing was said: jiwer refuses an empty reference.
    extra = sum(len(h.split()) for s, h in zip(said, heard, strict=True) if not s)
    if not pairs:
        return WordErrors(extra, 0)
    import jiwer

    result = jiwer.process_words([s for s, _ in pairs], [h for _, h in pairs])
    errors = result.substitutions + result.deletions + result.insertions
    return WordErrors(errors + extra, result.hits + result.substitutions + result.deletions)
