"""Asks one question and describes its answer for a person.

The text may be of any length, and may know when it was said. `question_files.py` answers whole files of questions.
"""

from __future__ import annotations

from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.question_files import Answerer
from bert_qa_tf.text.timed_text import TimedText, clock

# How many other candidates are worth a person's look.
_RUNNERS_UP = 3


def read_context(path: str) -> str:
    """A text file, as it is: line ends and spaces count, so that offsets fit the file.

    Raises:
      InputError: it cannot be read or is not UTF-8.
    """
    return files.read_text(path, expected="a UTF-8 text file")


def answer_question(answerer: Answerer, question: str, context: str) -> DecodedAnswer:
    """Asks one question."""
    [answer] = answerer.answer([SquadExample("1", question, context)])
    return answer


def describe(answer: DecodedAnswer, timed: TimedText | None = None) -> str:
    """An answer in a few lines: the text, when it is said, where it is, how sure the model is, and the runners-up.

    Args:
      answer: to a question about `timed.text`, or about a text of which nothing more is known.
      timed: gives the seconds; places are then those in the whole transcript, before it was cleaned.
    """
    lines = [answer.text if answer.text else "(no answer)"]
    if answer.text:
        place = answer.start_char, answer.end_char
        if timed is not None:
            said = timed.said(*place)
            place = said.start_char, said.end_char
            if said.text != answer.text:
                lines.append(f"  as said: {said.text}")
            if said.start_secs is not None and said.end_secs is not None:
                estimated = ", estimated" if said.times_estimated else ""
                lines.append(f"  said from {clock(said.start_secs)} to {clock(said.end_secs)}{estimated}")
        lines.append(f"  characters {place[0]} to {place[1]}, score {answer.score:.3f}")
    elif answer.nbest:
        lines.append(f"  score {answer.score:.3f}")
    for entry in [entry for entry in answer.nbest if entry.text and entry.text != answer.text][:_RUNNERS_UP]:
        start_secs = timed.said(entry.start_char, entry.end_char).start_secs if timed is not None else None
        at = "" if start_secs is None else f" at {clock(start_secs)}"
        lines.append(f"  or: {entry.text} ({entry.probability:.3f}){at}")
    return "\n".join(lines)
