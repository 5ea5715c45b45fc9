"""One question for a person: read the text, ask, say what was found.

What goes in: a question and a text of any length. What comes out: its answer, and a few lines that describe it. Whole
files of questions are `json_lines.py`'s.
"""

from __future__ import annotations

from bert_qa_tf.data import files
from bert_qa_tf.data.examples import SquadExample
from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.answer_decoding import DecodedAnswer
from bert_qa_tf.evaluation.json_lines import Answerer

# How many other candidates are worth a person's look.
_RUNNERS_UP = 3


def read_context(path: str) -> str:
    """A text file, as it is: line ends and spaces count, so that offsets fit the file.

    Raises:
      InputError: it cannot be read or is not UTF-8.
    """
    try:
        return files.read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}, expected a UTF-8 text file") from error


def answer_question(answerer: Answerer, question: str, context: str) -> DecodedAnswer:
    """Asks one question."""
    [answer] = answerer.answer([SquadExample("1", question, context)])
    return answer


def describe(answer: DecodedAnswer) -> str:
    """An answer in a few lines: the text, where it is and how sure the model is, and the runners-up."""
    lines = [answer.text if answer.text else "(no answer)"]
    if answer.text:
        lines.append(f"  characters {answer.start_char} to {answer.end_char}, score {answer.score:.3f}")
    elif answer.nbest:
        lines.append(f"  score {answer.score:.3f}")
    others = [entry for entry in answer.nbest if entry.text and entry.text != answer.text][:_RUNNERS_UP]
    lines += [f"  or: {entry.text} ({entry.probability:.3f})" for entry in others]
    return "\n".join(lines)
