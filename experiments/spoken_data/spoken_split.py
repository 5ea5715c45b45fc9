"""Splits a SQuAD-form file into a training and a development part, before they are spoken.

    python experiments/spoken_data/spoken_split.py --output_dir=runs/spoken FILE

The last articles by title are for development, and none of their paragraphs is used for training. For each part, whole
paragraphs are taken from its articles in turn until the given number of questions is reached. The script writes
clean_dev.json and clean_train.json, each with the articles by title and the paragraphs in their order, and
clean_train_quarter.json, every fourth paragraph of the latter.
"""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
from typing import Any

Article = dict[str, Any]


def main() -> None:
    """Cuts and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path, metavar="FILE", help="SQuAD-form JSON")
    parser.add_argument("--dev_articles", type=int, default=12, help="articles set aside")
    parser.add_argument("--dev", type=int, default=1000, help="at most so many questions to score")
    parser.add_argument("--train", type=int, default=4000, help="at most so many questions to train on")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="where to write")
    values = parser.parse_args()

    articles = sorted(json.loads(values.file.read_text(encoding="utf-8"))["data"], key=lambda article: article["title"])
    values.output_dir.mkdir(parents=True, exist_ok=True)
    sides = (
        ("clean_dev", articles[-values.dev_articles :], values.dev),
        ("clean_train", articles[: -values.dev_articles], values.train),
    )
    parts = {name: take_in_turn(side, most) for name, side, most in sides}
    parts["clean_train_quarter"] = every_fourth(parts["clean_train"])
    for name, part in parts.items():
        path = values.output_dir / f"{name}.json"
        path.write_text(json.dumps({"version": "1.1", "data": part}, ensure_ascii=False), encoding="utf-8")
        paragraphs = [paragraph for article in part for paragraph in article["paragraphs"]]
        questions = sum(len(paragraph["qas"]) for paragraph in paragraphs)
        print(f"{path}: {questions} questions on {len(paragraphs)} paragraphs of {len(part)} articles")


def take_in_turn(articles: list[Article], most_questions: int) -> list[Article]:
    """A paragraph with questions of each article, then another of each, while no more than so many questions come."""
    with_questions = [[p for p in article["paragraphs"] if p["qas"]] for article in articles]
    taken: list[list[dict[str, Any]]] = [[] for _ in articles]
    questions = 0
    for turn in itertools.zip_longest(*with_questions):
        for number, paragraph in enumerate(turn):
            if paragraph is not None and questions + len(paragraph["qas"]) <= most_questions:
                taken[number].append(paragraph)
                questions += len(paragraph["qas"])
    return [{**a, "paragraphs": p} for a, p in zip(articles, taken, strict=True) if p]


def every_fourth(articles: list[Article]) -> list[Article]:
    """The first paragraph, the fifth and so on, counted through all articles."""
    numbers = itertools.count()
    kept = [{**a, "paragraphs": [p for p in a["paragraphs"] if next(numbers) % 4 == 0]} for a in articles]
    return [article for article in kept if article["paragraphs"]]


if __name__ == "__main__":
    main()
