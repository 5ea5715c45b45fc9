"""Puts full stops where a recogniser writes none.

Spoken-SQuAD's transcripts end each sentence with a full stop, and models trained on them, or on what `make_spoken`
writes, look for answers within sentences. A recogniser without punctuation leaves only the times of its words to tell
where a sentence ends: at a pause.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from bert_qa_tf.speech.transcripts.transcript import Word


def end_sentence(word: Word) -> Word:
    """The word with a full stop behind it."""
    return dataclasses.replace(word, text=f"{word.text}.")


def end_sentences_at_pauses(words: Sequence[Word], pause_secs: float) -> tuple[Word, ...]:
    """Words with a full stop behind the last and behind each that is followed by a pause.

    Args:
      words: of a recording, with their times.
      pause_secs: from the end of a word to the beginning of the next. People who measure pauses take silences of less
        than 0.25 s for part of articulation (Goldman-Eisler, "Psycholinguistics", 1968).
    """
    # Without rounding, a pause of 0.25 may come out as 0.2499….
    pauses = [round(after.start_secs - word.end_secs, 3) for word, after in itertools.pairwise(words)]
    return tuple(
        end_sentence(word) if pause >= pause_secs else word
        for word, pause in zip(words, [*pauses, float("inf")], strict=False)
    )
