"""The kinds of odd items that are found in tables of questions; see `odd_items`."""

from __future__ import annotations

from bert_qa_tf.odd_items import OddKind, Severity

# === Read as meant ===

NUMERIC_IDS = OddKind("numeric_ids", "ids that are numbers, read as text")
MADE_IDS = OddKind("made_ids", "questions without an id, named after their place in the file")
NULL_ANSWERS = OddKind("nulls", "nulls, read as absent")
TEXT_AS_BYTES = OddKind("text_as_bytes", "texts stored as bytes, read as UTF-8")
WHOLE_FLOATS = OddKind("whole_floats", "offsets with a decimal point (73.0), read as whole numbers")
NUMBERS_AS_TEXT = OddKind("numbers_as_text", 'offsets that are text ("73"), read as numbers')
REPEATED_ROWS = OddKind("repeated_records", "questions that the file holds twice, id and all, read once")
NO_SECONDS = OddKind("no_answer_seconds", "questions for which the data set does not say when the answer is spoken")

# === Left out or estimated ===

UNREADABLE_ROWS = OddKind("unreadable_questions", "questions that cannot be read, left out", Severity.WARNING)
UNANSWERED = OddKind(
    "unanswered_questions", "questions without an answer that are not marked is_impossible, left out", Severity.WARNING
)
DUPLICATE_IDS = OddKind(
    "duplicate_ids", "ids of more than one question; the later ones are named after their place", Severity.WARNING
)
BAD_SECONDS = OddKind("bad_answer_seconds", "seconds of answers that cannot be right, left out", Severity.WARNING)
BAD_WORD_TIMES = OddKind("bad_word_times", "word times that cannot be read, left out", Severity.WARNING)
MISSING_WORD_TIMES = OddKind("missing_word_times", "documents whose file of word times is missing", Severity.WARNING)
