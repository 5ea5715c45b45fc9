"""Fits the simulator of recognition errors to paragraphs that were really spoken and recognised.

    python experiments/asr_simulation/fit_asr_noise.py spoken_train.0.01.json spoken_train.0.02.json

The inputs are files that `make_spoken` wrote. Paragraphs are grouped by the volume of noise they were spoken with. The
script writes the table that the package's simulator uses.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from bert_qa_tf.asr_simulation.recognizer_vocabulary import load_vocabulary
from bert_qa_tf.asr_simulation.table_fitting import Pair, fit_table, word_error_rate
from bert_qa_tf.text.verbalization import VerbalizedWord

_TABLE = pathlib.Path(__file__).resolve().parents[2] / "bert_qa_tf" / "asr_simulation" / "error_table.json"
# Single letters that are words of their own.
_WORDS = frozenset("aio")


def main() -> None:
    """Fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="written by make_spoken")
    parser.add_argument("--output_file", type=pathlib.Path, default=_TABLE, help="the table")
    parser.add_argument("--max_paragraphs", type=int, default=400, help="of each level of noise")
    values = parser.parse_args()

    levels: dict[float, list[Pair]] = collections.defaultdict(list)
    paragraphs_of: collections.Counter[float] = collections.Counter()
    titles = set()
    for path in values.files:
        for title, paragraph in paragraphs(path):
            pairs = levels[paragraph["noise_volume"]]
            if paragraphs_of[paragraph["noise_volume"]] < values.max_paragraphs:
                pairs += pairs_of(paragraph)
                paragraphs_of[paragraph["noise_volume"]] += 1
                titles.add(title)
    fitted_on = {
        "recognizer": "pocketsphinx, en-us, read by flite",
        "articles": len(titles),
        "levels": [
            {
                "noise_volume": volume,
                "paragraphs": paragraphs_of[volume],
                "utterances": len(pairs),
                "words": sum(len(pair.said) for pair in pairs),
                "word_error_rate": round(word_error_rate(pairs), 4),
            }
            for volume, pairs in sorted(levels.items())
        ],
    }
    print(json.dumps(fitted_on, indent=1))
    table = fit_table(load_vocabulary(), list(levels.values()), fitted_on, print)
    values.output_file.write_text(table.to_json(), encoding="utf-8")
    print(f"wrote {values.output_file}")


def paragraphs(path: pathlib.Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The title of its article, and each paragraph that was heard."""
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            yield article["title"], paragraph


def pairs_of(paragraph: dict[str, Any]) -> Iterator[Pair]:
    """What was said and what was heard of each sentence of a paragraph."""
    for sentence in paragraph["sentences"]:
        said, place = [], 0
        for word in sentence["reference"].split():
            said.append(VerbalizedWord(word, place, place + len(word), len(word) == 1 and word not in _WORDS))
            place += len(word) + 1
        yield Pair(said, sentence["heard"].split())


if __name__ == "__main__":
    main()
