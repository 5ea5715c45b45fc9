"""Chooses the gold answer that labels a question for training, and corrects wrong offsets where that is safe.

An answer with a correct offset is used as it is. The text of one with a wrong offset is searched for, and used only if
it occurs exactly once:

    context  "the ship left port and the port was empty"
    "ship" at 3   → occurs once, at 4: corrected
    "port" at 10  → occurs twice: dropped, since a guess would teach the model the wrong place half of the time
    "harbour"     → does not occur (recognition lost it): dropped
"""

from __future__ import annotations

from typing import NamedTuple

from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample


class Label(NamedTuple):
    """A question's training label and how it was chosen.

    Attributes:
      answer: the answer, with a correct offset; None if the question has no answer, or none could be located.
      misaligned: the number of answers of the example with a wrong offset.
      mended: the number of those that were found in the text.
    """

    answer: Answer | None
    misaligned: int
    mended: int

    @property
    def dropped(self) -> int:
        """The number of answers that could not be located."""
        return self.misaligned - self.mended


def choose_label(example: SquadExample) -> Label:
    """Chooses the first answer with a correct offset, else the first whose offset can be corrected."""
    if example.is_impossible:
        return Label(None, 0, 0)
    fitting: Answer | None = None
    mended: Answer | None = None
    num_misaligned = num_mended = 0
    for answer in example.answers:
        if answer.fits(example.context):
            fitting = fitting or answer
            continue
        num_misaligned += 1
        place = _only_occurrence(example.context, answer.text)
        if place is not None:
            num_mended += 1
            mended = mended or Answer(answer.text, place)
    return Label(fitting or mended, num_misaligned, num_mended)


def _only_occurrence(context: str, text: str) -> int | None:
    """The offset of `text` in `context` if it occurs exactly once, else None."""
    if not text.strip():
        return None
    first = context.find(text)
    if first < 0 or context.find(text, first + 1) >= 0:
        return None
    return first
