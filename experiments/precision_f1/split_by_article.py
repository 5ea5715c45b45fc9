"""Splits SQuAD-form JSON into a training and a development part of given sizes, with no article in both.

python experiments/precision_f1/split_by_article.py --train=4000 --dev=2000 --output_dir=runs/split FILE [FILE…]

The seed decides the order in which articles are drawn. Of the last article of each part, only the first questions are
used. The script writes train.json and dev.json.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Cuts and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE", help="SQuAD-form JSON")
    parser.add_argument("--train", type=int, required=True, help="questions to train on")
    parser.add_argument("--dev", type=int, required=True, help="questions to score")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the articles")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="where to write")
    values = parser.parse_args()

    articles = [article for file in values.files for article in json.loads(file.read_text(encoding="utf-8"))["data"]]
    random.Random(values.seed).shuffle(articles)
    rest = iter(articles)
    values.output_dir.mkdir(parents=True, exist_ok=True)
    # The development part first: it stays the same whatever the size of the other.
    for name, wanted in (("dev", values.dev), ("train", values.train)):
        part = list(take(rest, wanted))
        questions = sum(len(paragraph["qas"]) for article in part for paragraph in article["paragraphs"])
        if questions < wanted:
            raise SystemExit(f"error: {name}: wanted {wanted} questions, the articles left hold {questions}")
        path = values.output_dir / f"{name}.json"
        path.write_text(json.dumps({"version": "1.1", "data": part}), encoding="utf-8")
        print(f"{path}: {questions} questions of {len(part)} articles")


def take(articles: Iterator[dict[str, Any]], wanted: int) -> Iterator[dict[str, Any]]:
    """Whole articles until `wanted` questions are reached, the last one cut."""
    while wanted > 0 and (article := next(articles, None)) is not None:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            qas = paragraph["qas"][:wanted]
            if qas:
                paragraphs.append({**paragraph, "qas": qas})
                wanted -= len(qas)
        yield {**article, "paragraphs": paragraphs}


if __name__ == "__main__":
    main()
