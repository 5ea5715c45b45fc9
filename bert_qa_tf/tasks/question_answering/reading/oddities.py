"""The kinds of odd items in files of questions, whatever their form; see `odd_items`."""

from __future__ import annotations

from bert_qa_tf.odd_items import OddKind, Severity

# === Read as meant ===

NUMERIC_IDS = OddKind("numeric_ids", "ids that are numbers, read as text")
MADE_IDS = OddKind("made_ids", "questions without an id, named after their place in the file")
NUMBERS_AS_TEXT = OddKind("numbers_as_text", 'offsets that are text ("73"), read as numbers')
WHOLE_FLOATS = OddKind("whole_floats", "offsets with a decimal point (73.0), read as whole numbers")
TRUTH_AS_TEXT = OddKind("truth_as_text", 'is_impossible as "true", "false", 1 or 0, read as true or false')
TEXT_AS_NUMBERS = OddKind("text_as_numbers", "texts that are numbers, read as text")
TEXT_AS_BYTES = OddKind("text_as_bytes", "texts stored as bytes, read as UTF-8")
ODD_TITLES = OddKind("odd_titles", "titles that are no text, passed over")
NULLS = OddKind("nulls", "nulls, read as absent")
MISSING_QAS = OddKind("missing_qas", "paragraphs without qas, read as having no questions")
BARE_ANSWERS = OddKind("bare_answers", "answers that are no list, or lists of bare texts, read as a list of answers")
ANSWERS_WITHOUT_OFFSET = OddKind("answers_without_offset", "answers without answer_start: only their text is known")
NO_ANSWERS = OddKind("no_answers", "empty, null or NOT_GIVEN answers, read as no answer")
REPEATED_RECORDS = OddKind("repeated_records", "questions that the file holds twice, id and all, read once")
NO_SECONDS = OddKind("no_answer_seconds", "questions for which the data set does not say when the answer is spoken")

# === Left out or estimated ===

UNREADABLE_QUESTIONS = OddKind("unreadable_questions", "questions that cannot be read, left out", Severity.WARNING)
UNREADABLE_RECORDS = OddKind(
    "unreadable_records", "articles, paragraphs or lines that cannot be read, left out", Severity.WARNING
)
EMPTY_QUESTIONS = OddKind("empty_questions", "questions without a word, left out", Severity.WARNING)
DUPLICATE_IDS = OddKind(
    "duplicate_ids", "ids of more than one question; the later ones are named after their place", Severity.WARNING
)
INVALID_UNICODE = OddKind(
    "invalid_unicode", "texts with half a surrogate pair, which was replaced by U+FFFD", Severity.WARNING
)
UNANSWERED = OddKind(
    "unanswered_questions", "questions without an answer that are not marked is_impossible, left out", Severity.WARNING
)
NO_ANSWERS_LEFT_OUT = OddKind(
    "no_answers_left_out",
    "questions without an answer (it is empty or NOT_GIVEN), left out; --version_2_with_negative keeps them",
    Severity.WARNING,
)
BAD_SECONDS = OddKind("bad_answer_seconds", "seconds of answers that cannot be right, left out", Severity.WARNING)
BAD_WORD_TIMES = OddKind("bad_word_times", "word times that cannot be read, left out", Severity.WARNING)
MISSING_WORD_TIMES = OddKind("missing_word_times", "documents whose file of word times is missing", Severity.WARNING)
