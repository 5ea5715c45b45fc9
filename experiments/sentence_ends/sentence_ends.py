"""Measures how well pauses predict sentence ends, and writes files to score the effect of full stops at pauses.

    python experiments/sentence_ends/sentence_ends.py --output_dir=DIR SPOKEN_FILE…

The inputs are files that `make_spoken` wrote, whose full stops are at the real sentence ends. For each file and each
length of pause, the script prints the share of ends that are followed by such a pause (recall) and the share of such
pauses that are an end (precision). For each file it writes to DIR, for `evaluate`, `NAME.none.json` without full stops
and `NAME.pauses.json` with one at each pause of `RecognizerConfig.stop_pause_secs`.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.speech.recordings.sentence_ends import end_sentences_at_pauses
from bert_qa_tf.speech.transcripts.transcript import Transcript, Word

_PAUSES_SECS = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


def main() -> None:
    """Counts, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spoken_files", nargs="+", type=pathlib.Path, metavar="SPOKEN_FILE", help="of make_spoken")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="folder for the files without stops")
    values = parser.parse_args()

    values.output_dir.mkdir(parents=True, exist_ok=True)
    variants: dict[str, Callable[[tuple[Word, ...]], tuple[Word, ...]]] = {
        "none": lambda words: words,
        "pauses": lambda words: end_sentences_at_pauses(words, RecognizerConfig.stop_pause_secs),
    }
    print("| file | pause of at least | ends found | pauses that are ends |\n|---|---:|---:|---:|")
    for path in values.spoken_files:
        spoken = json.loads(path.read_text(encoding="utf-8"))
        for row in rows(path.stem, spoken):
            print(row)
        for name, put_stops in variants.items():
            changed = json.dumps(with_stops(spoken, put_stops), ensure_ascii=False)
            (values.output_dir / f"{path.stem}.{name}.json").write_text(changed, encoding="utf-8")


def paragraphs(spoken: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields all paragraphs of a file."""
    for article in spoken["data"]:
        yield from article["paragraphs"]


def words_of(paragraph: dict[str, Any]) -> list[Word]:
    """Returns the words of a paragraph's context, including full stops."""
    texts = paragraph["context"].split()
    return [Word(text, *times) for text, times in zip(texts, paragraph["word_times"], strict=True)]


def rows(name: str, spoken: dict[str, Any]) -> Iterator[str]:
    """Yields the rows of the table, one for each length of pause."""
    pauses, is_end = [], []
    for paragraph in paragraphs(spoken):
        words = words_of(paragraph)
        pauses += [after.start_secs - word.end_secs for word, after in itertools.pairwise(words)]
        is_end += [word.text.endswith(".") for word in words[:-1]]
    # As exact as the times are: to the millisecond.
    lengths, ends = np.round(pauses, 3), np.array(is_end)
    for pause_secs in _PAUSES_SECS:
        paused = lengths >= pause_secs
        found = np.sum(paused & ends)
        precision = f"{100 * found / paused.sum():.1f} %" if paused.any() else "–"
        yield f"| `{name}` | {pause_secs:g} s | {100 * found / ends.sum():.1f} % | {precision} |"


def with_stops(spoken: dict[str, Any], put_stops: Callable[[tuple[Word, ...]], tuple[Word, ...]]) -> dict[str, Any]:
    """Returns the contents of a file with other full stops, with its answers at the same words.

    Args:
      spoken: the contents of a file, which are not changed.
      put_stops: maps words without full stops to words with them.
    """
    spoken = copy.deepcopy(spoken)
    for paragraph in paragraphs(spoken):
        words = words_of(paragraph)
        before = Transcript(tuple(words))
        plain = tuple(Word(word.text.removesuffix("."), word.start_secs, word.end_secs) for word in words)
        after = Transcript(put_stops(plain))
        paragraph["context"] = after.text
        word_at = {start: after.start_chars[index] for index, start in enumerate(before.start_chars)}
        for question in paragraph["qas"]:
            for answer in question["answers"]:
                answer["answer_start"] = word_at.get(answer["answer_start"], -1)
    return spoken


if __name__ == "__main__":
    main()
