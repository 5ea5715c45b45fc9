"""Makes the spoken version of a SQuAD paragraph: transcript, word times, and questions with their answers placed in it.

Beside what SQuAD has, a paragraph holds `word_times` (`[start_secs, end_secs]` of each white-space separated word of
the context), `duration_secs`, `noise_volume`, `word_error_rate`, and `sentences`: what was said (`reference`) and what
was `heard` of each. An answer holds `reference_text` (as the source has it), `alignment` ("exact", "aligned" or
"lost"), `confidence`, and the seconds in which it is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bert_qa_tf.config import SpokenDatasetConfig
from bert_qa_tf.speech.recordings.sentence_ends import end_sentence
from bert_qa_tf.speech.recordings.word_errors import count_word_errors
from bert_qa_tf.speech.spoken_dataset.answer_placing import AnswerPlacer, Placement
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Heard, verbalize_word
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word
from bert_qa_tf.text.verbalization import verbalize, verbalize_sentences


class SpokenParagraph:
    """One paragraph that was heard.

    Args:
      paragraph: of SQuAD-form JSON.
      heard: what was heard of its context.
      config: what becomes of lost answers, and more.

    Attributes:
      counts: what was met, by name.
      errors: of the recogniser.
    """

    def __init__(self, paragraph: Mapping[str, Any], heard: Heard, config: SpokenDatasetConfig) -> None:
        self._paragraph = paragraph
        self._heard = [[part for word in sentence for part in verbalize_word(word)] for sentence in heard.sentences]
        self._duration_secs = heard.duration_secs
        self._config = config
        self._sentences = verbalize_sentences(paragraph["context"])
        self._placer = AnswerPlacer([sentence.words for sentence in self._sentences], self._heard)
        self._transcript = _transcript(self._heard, config.sentence_stops)
        self._words = [word for sentence in self._heard for word in sentence]
        self.counts: Counter[str] = Counter(paragraphs=1, paragraphs_in_which_nothing_was_heard=not self._words)
        self.errors = count_word_errors(
            [_join(sentence.words) for sentence in self._sentences], [_join(words) for words in self._heard]
        )

    def to_json(self, noise_volume: float) -> dict[str, Any] | None:
        """The spoken paragraph; None where it had questions and all of them were dropped."""
        qas = [spoken for qa in self._paragraph["qas"] if (spoken := self._question(qa)) is not None]
        if self._paragraph["qas"] and not qas:
            self.counts["paragraphs_dropped"] += 1
            return None
        return {
            "context": self._transcript.text,
            "qas": qas,
            "duration_secs": self._duration_secs,
            "noise_volume": noise_volume,
            "word_error_rate": None if self.errors.rate is None else round(self.errors.rate, 4),
            "word_times": [[word.start_secs, word.end_secs] for word in self._words],
            "sentences": [
                {"reference": _join(sentence.words), "heard": _join(heard)}
                for sentence, heard in zip(self._sentences, self._heard, strict=True)
            ],
        }

    def _question(self, qa: Mapping[str, Any]) -> dict[str, Any] | None:
        self.counts["questions"] += 1
        answers = [self._answer(answer) for answer in qa.get("answers", ())]
        keeps_all = self._config.unplaced == "keep"
        answers = [answer for answer in answers if keeps_all or answer["alignment"] != "lost"]
        if qa.get("answers") and not answers:
            self.counts["questions_dropped"] += 1
            return None
        self.counts["questions_kept"] += 1
        plausible = [self._answer(answer, "plausible_answers") for answer in qa.get("plausible_answers", ())]
        spoken = {**qa, "answers": answers}
        if "plausible_answers" in qa:
            spoken["plausible_answers"] = [answer for answer in plausible if answer["alignment"] != "lost"]
        return spoken

    def _answer(self, answer: Mapping[str, Any], kind: str = "answers") -> dict[str, Any]:
        text, start_char = answer["text"], answer["answer_start"]
        self.counts[kind] += 1
        if self._paragraph["context"][max(start_char, 0) : max(start_char, 0) + len(text)] == text:
            places = self._placer.said_between(start_char, start_char + len(text))
            words = self._placer.said_words(places)
            placement = self._placer.place(places) if words else None
        else:
            self.counts[f"{kind}_whose_offset_does_not_fit"] += 1
            words = [word.text for word in verbalize(text)]
            placement = self._placer.place_words(words) if words else None
        return self._placed(kind, text, words, placement)

    def _placed(self, kind: str, text: str, words: list[str], placement: Placement | None) -> dict[str, Any]:
        if placement is None or placement.confidence < self._config.min_confidence:
            reason = "unlike" if placement else "unheard" if words else "unspeakable"
            self.counts[f"{kind}_lost"] += 1
            self.counts[f"{kind}_lost_{reason}"] += 1
            return {
                "text": " ".join(words) or text,
                "answer_start": -1,
                "reference_text": text,
                "alignment": "lost",
                "confidence": round(placement.confidence, 4) if placement else 0.0,
            }
        self.counts[f"{kind}_{placement.alignment}"] += 1
        self.counts[f"{kind}_exact_at_another_mention"] += placement.elsewhere
        heard = self._words[placement.first_word : placement.end_word]
        start_char = self._transcript.start_chars[placement.first_word]
        last = placement.end_word - 1
        end_char = self._transcript.start_chars[last] + len(self._words[last].text)
        heard_text = self._transcript.text[start_char:end_char]
        # To be scored, an answer is what was said: misheard words are right for nobody.
        is_said = self._config.unplaced == "keep" and placement.alignment == "aligned"
        return {
            "text": " ".join(words) if is_said else heard_text,
            "answer_start": start_char,
            "reference_text": text,
            "alignment": placement.alignment,
            "confidence": round(placement.confidence, 4),
            "start_secs": heard[0].start_secs,
            "end_secs": heard[-1].end_secs,
            **({"heard_text": heard_text} if is_said else {}),
        }


def _transcript(heard: list[list[Word]], sentence_stops: bool) -> Transcript:
    words: list[Word] = []
    for sentence in heard:
        words += sentence
        if sentence and sentence_stops:
            words[-1] = end_sentence(words[-1])
    return Transcript(tuple(words))


def _join(words: Any) -> str:
    return " ".join(word.text for word in words)
