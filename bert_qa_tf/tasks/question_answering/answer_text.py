"""Answers one question and formats the answer for the terminal.

The text may be of any length, and may carry the times at which it was said. `answer_files.py` answers whole files of
questions.
"""

from __future__ import annotations

from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.answer_files import Answerer
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.timed_text import TimedText, clock

# How many further candidates are shown.
_RUNNERS_UP = 3


def read_context(path: str) -> str:
    """Reads a text file unchanged: line ends and spaces are kept, so that offsets match the file.

    Raises:
      InputError: the file cannot be read or is not UTF-8.
    """
    return files.read_text(path, expected="a UTF-8 text file")


def answer_question(answerer: Answerer, question: str, context: str) -> DecodedAnswer:
    """Answers one question about a context."""
    [answer] = answerer.answer([SquadExample("1", question, context)])
    return answer


def describe(answer: DecodedAnswer, timed: TimedText | None = None) -> str:
    """Formats an answer in a few lines: its text, its time, its place, its score and the next best candidates.

    Args:
      answer: the answer to a question about `timed.text`, or about a text without times.
      timed: the text with its times, if known; offsets then refer to the whole transcript, before it was cleaned.
    """
    lines = [answer.text if answer.text else "(no answer)"]
    if answer.text:
        place = answer.start_char, answer.end_char
        if timed is not None:
            said = timed.said(*place)
            place = said.start_char, said.end_char
            if said.text != answer.text:
                lines.append(f"  as said: {said.text}")
            by = f" by {said.speaker}" if said.speaker is not None else ""
            if said.start_secs is not None and said.end_secs is not None:
                estimated = ", estimated" if said.times_estimated else ""
                lines.append(f"  said{by} from {clock(said.start_secs)} to {clock(said.end_secs)}{estimated}")
            elif by:
                lines.append(f"  said{by}")
        lines.append(f"  characters {place[0]} to {place[1]}, score {answer.score:.3f}")
    elif answer.nbest:
        lines.append(f"  score {answer.score:.3f}")
    for entry in [entry for entry in answer.nbest if entry.text and entry.text != answer.text][:_RUNNERS_UP]:
        start_secs = timed.said(entry.start_char, entry.end_char).start_secs if timed is not None else None
        at = "" if start_secs is None else f" at {clock(start_secs)}"
        lines.append(f"  or: {entry.text} ({entry.probability:.3f}){at}")
    return "\n".join(lines)
