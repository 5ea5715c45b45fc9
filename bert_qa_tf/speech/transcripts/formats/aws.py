"""Reads Amazon Transcribe's JSON, the output of a batch job.

Each of `results.items` is a word or a punctuation mark with its alternatives. The likeliest is taken, and punctuation
is glued to its word. Where there are no items, the transcript is the text without times.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.words import OTHER_ALTERNATIVES, SPEAKER_LABELS, checked_word
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word


def read_aws(top: JsonPlace, counts: Counter[str]) -> Transcript:
    """Reads Amazon Transcribe's JSON; `counts` takes in what is left out.

    Raises:
      InputError: it has another shape; names the place.
    """
    results = top.at("results")
    if not results.has("items"):
        texts = [entry.text("transcript") for entry in results.objects("transcripts")]
        return Transcript(tuple(Word(token) for text in texts for token in text.split()))
    words: list[Word] = []
    opening = ""  # punctuation before the first word: an inverted question mark
    for item in results.objects("items"):
        alternatives = list(item.objects("alternatives"))
        if not alternatives:
            raise item.wrong("with one entry at least", "alternatives")
        counts[OTHER_ALTERNATIVES] += len(alternatives) - 1
        counts[SPEAKER_LABELS] += item.has("speaker_label")
        text = alternatives[0].text("content")
        if item.value.get("type") == "punctuation":
            if words:
                words[-1] = dataclasses.replace(words[-1], text=words[-1].text + text.strip())
            else:
                opening += text.strip()
            continue
        start, end = item.secs("start_time"), item.secs("end_time")
        if start is None or end is None:
            raise item.wrong("in seconds", "start_time" if start is None else "end_time")
        word = checked_word(item, opening + text, start, end, alternatives[0].number("confidence"), counts)
        if word is not None:
            words.append(word)
            opening = ""
    if opening:
        raise InputError(f"{top}: expected a word in results.items, got punctuation alone: {opening}")
    return Transcript(tuple(words))
