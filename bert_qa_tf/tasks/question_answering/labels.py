"""Which gold answer labels a question for training, and what becomes of offsets that are wrong.

What goes in: an example. What comes out: its `Label`. An answer whose offset fits is used as it is; one whose offset
does not is searched for, and only a text that occurs exactly once is believed:

    context  "the ship left port and the port was empty"
    "ship" at 3   → occurs once, at 4: mended
    "port" at 10  → occurs twice: dropped, since a guess would teach the model the wrong place half of the time
    "harbour"     → occurs nowhere (recognition lost it): dropped
"""

from __future__ import annotations

from typing import NamedTuple

from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample


class Label(NamedTuple):
    """A question's training label and how it was come by.

    Attributes:
      answer: its offset fits; None where the question has no answer, or none that could be placed.
      misaligned: answers of the example whose offset did not fit.
      mended: those of them that were found in the text.
    """

    answer: Answer | None
    misaligned: int
    mended: int

    @property
    def dropped(self) -> int:
        """Answers that could not be placed."""
        return self.misaligned - self.mended


def choose_label(example: SquadExample) -> Label:
    """The first answer whose offset fits, else the first that could be mended."""
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
    """Where `text` occurs in `context`, if it does so exactly once."""
    if not text.strip():
        return None
    first = context.find(text)
    if first < 0 or context.find(text, first + 1) >= 0:
        return None
    return first
