"""Collects what is wrong or odd about a file of questions while it is read."""

from __future__ import annotations

from typing import NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.odd_items import OddItems, OddKind
from bert_qa_tf.storage.json_stream import WHOLE
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.field_values import OnOdd, Unreadable
from bert_qa_tf.text.surrogates import replace_surrogates

# Kinds of `Problem`. Other commands than `audit` leave out or change those that are kinds of odd items, too.
DUPLICATE_IDS = oddities.DUPLICATE_IDS.name
EMPTY_QUESTIONS = oddities.EMPTY_QUESTIONS.name
INVALID_UNICODE = oddities.INVALID_UNICODE.name
EMPTY_CONTEXTS = "empty_contexts"
EMPTY_ANSWERS = "empty_answers"
PARAGRAPHS_WITHOUT_QUESTIONS = "paragraphs_without_questions"


class Problem(NamedTuple):
    """Something wrong with a file that does not stop it from being read.

    Attributes:
      kind: one of the kinds above.
      place: the JSON path, such as `data[0].paragraphs[3]`.
      qas_id: the id of the question; "" for a problem with a paragraph.
      detail: a description of the problem.
    """

    kind: str
    place: str
    qas_id: str
    detail: str


class Findings:
    """The findings in one file, or in several that belong together.

    Args:
      name: the file; to be set anew for the next.
      is_audit: whether to list problems.
      again: whether the file was read before, so that nothing odd is counted twice.

    Attributes:
      problems: those that were noted, if this is an audit.
      first_refusal: the file, and why the first question that was left out cannot be read; "" if there is none.
    """

    def __init__(self, name: str, *, is_audit: bool = False, again: bool) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.first_refusal = ""
        self._is_audit = is_audit
        self._add = OddItems().add if again else odd_items.add

    def odd(self, kind: OddKind, place: str, detail: str) -> None:
        """Counts an odd item.

        Raises:
          InputError: odd items are refused.
        """
        self._add(kind, self.name, place, detail)

    def at(self, place: str) -> OnOdd:
        """Returns what counts odd items below a place."""

        def on_odd(kind: OddKind, path: str, detail: str) -> None:
            self.odd(kind, f"{place}.{path}", detail)

        return on_odd

    def note(self, kind: str, place: str, qas_id: str, detail: str, times: int = 1) -> None:
        """Lists a problem, `times` times; see `Problem`."""
        if self._is_audit:
            self.problems += [Problem(kind, place, qas_id, detail)] * times

    def leave_out(self, kind: OddKind, place: str, unreadable: Unreadable, times: int = 1) -> None:
        """Counts `times` items at one place that cannot be read.

        Raises:
          InputError: odd items are refused.
        """
        path = ".".join(part for part in ("" if place == WHOLE and unreadable.path else place, unreadable.path) if part)
        found = f"{path} {unreadable.reason}"
        self.refuse(found)
        self._add(kind, self.name, found, "this cannot be read", times)

    def refuse(self, found: str) -> None:
        """Keeps the place and the reason of the first question that cannot be read."""
        self.first_refusal = self.first_refusal or f"{self.name}: {found}"

    def valid_text(self, place: str, qas_id: str, text: str) -> str:
        r"""Returns a text that UTF-8 can hold.

        JSON may escape half a surrogate pair (`\ud83d`). Python reads it, but a record cannot hold it.

        Raises:
          InputError: it is such a text, and odd items are refused.
        """
        if text.isascii():
            return text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            detail = f"half a surrogate pair at character {error.start}"
            self.note(INVALID_UNICODE, place, qas_id, detail)
            self.odd(oddities.INVALID_UNICODE, place, detail)
            return replace_surrogates(text)
        return text
