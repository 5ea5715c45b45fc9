r"""Writes the messages of the sample, before they are spoken: SQuAD-form JSON with four questions each.

    python experiments/sample/sample_messages.py --output_dir=runs/sample

A message has an opening, a body and a closing, from the split's own file in sample_patterns/. Its slots are filled
from inventories.json, and with times and numbers. Every filler, be it a name, a place, a thing, a time or a number,
belongs to one split only: development and test have none that training has.

A pattern file consists of blocks. `{caller:name}` is a slot and its kind, and `{caller}` the same slot again. Below the
text, each line has a kind of question, the slot that answers it, and wordings:

    [opening]
    Hello {callee:name}, this is {caller:name}.
    who caller: Who is calling? | Who left this message?
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import hashlib
import itertools
import json
import pathlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

PATTERNS = pathlib.Path(__file__).resolve().parent / "sample_patterns"
MESSAGES = {"train": 200, "dev": 50, "test": 50}
QUESTION_KINDS = ("who", "what", "when", "number")
# A message with more words than this, counting the usual number of words for each slot, loses sentences at the end of
# its body, as long as all kinds of questions can still be asked about it and it has two times to choose from.
_MOST_WORDS = 70
_FEWEST_TIMES = 2
_MORE_WORDS = {"name": 0, "thing": 1, "place": 2, "time": 2, "count": 1, "price": 2, "code": 3, "phone": 5}
_PARTS = ("opening", "body", "closing")
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_QUESTION = re.compile(r"(who|what|when|number) (\w+): (.+)")

# "two", "four", "eight" and "oh" are left out. In a sequence of digits they are recognised as other words ("to", "for",
# "a", "of") so often that hardly any number would be recognised completely.
_DIGITS = ("one", "three", "five", "six", "seven", "nine")
_TENS = ("twenty", "thirty", "fifty", "sixty", "seventy", "eighty", "ninety")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ORDINALS = (
    "first", "second", "third", "fifth", "sixth", "seventh", "ninth", "tenth", "eleventh", "twelfth", "fifteenth",
    "twentieth",
)  # fmt: skip
_HOURS = ("one", "three", "five", "six", "seven", "nine", "ten", "eleven", "noon")


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A part of a message.

    Attributes:
      text: with slots.
      questions: kind, the slot that is the answer, and wordings, which may have slots.
    """

    text: str
    questions: tuple[tuple[str, str, tuple[str, ...]], ...]

    @property
    def slots(self) -> dict[str, str]:
        """Each slot's kind."""
        return {name: kind for name, kind in _SLOT.findall(self.text) if kind}

    def beginnings(self) -> list[Pattern]:
        """Its first sentence, its first two, and so on to the whole, each with the questions it can answer."""
        sentences = re.split(r"(?<=[.!?]) ", self.text)
        texts = [" ".join(sentences[:count]) for count in range(1, len(sentences) + 1)]
        return [Pattern(text, tuple(q for q in self.questions if f"{{{q[1]}:" in text)) for text in texts]

    @property
    def num_words(self) -> int:
        """The approximate number of words, since a slot's filler has several."""
        return len(self.text.split()) + sum(_MORE_WORDS[kind] for kind in self.slots.values())


def read_patterns(split: str) -> dict[str, list[Pattern]]:
    """Reads the patterns of a split, by part of a message."""
    patterns: dict[str, list[Pattern]] = {part: [] for part in _PARTS}
    text = (PATTERNS / f"{split}.txt").read_text(encoding="utf-8")
    for part, block in re.findall(r"^\[(\w+)\]\n((?:.+\n)+)", text, re.MULTILINE):
        first, *lines = block.splitlines()
        questions = []
        for line in lines:
            kind, slot, wordings = _QUESTION.fullmatch(line).groups()
            questions.append((kind, slot, tuple(wordings.split(" | "))))
        patterns[part].append(Pattern(first, tuple(questions)))
    return patterns


def read_inventories() -> dict[str, dict[str, list[str]]]:
    """Reads names, places and things: kind → split → the fillers of its slots."""
    return json.loads((PATTERNS / "inventories.json").read_text(encoding="utf-8"))


def split_of(filler: str) -> str:
    """Which split a time or a number belongs to: three fifths are training's."""
    fingerprint = hashlib.blake2b(filler.encode(), digest_size=8).digest()
    return ("dev", "test", "train", "train", "train")[int.from_bytes(fingerprint, "little") % 5]


def _time(generator: random.Random) -> str:
    day = generator.choice(_DAYS)
    return generator.choice(
        (
            f"{day} {generator.choice(('morning', 'afternoon', 'evening', 'night'))}",
            f"{day} at {generator.choice(_HOURS)}",
            f"{day} the {generator.choice(_ORDINALS)}",
            f"the {generator.choice(_ORDINALS)} of {generator.choice(_MONTHS)}",
        )
    )


def _digits(count: int) -> Callable[[random.Random], str]:
    return lambda generator: " ".join(generator.choice(_DIGITS) for _ in range(count))


def _count(generator: random.Random) -> str:
    return f"{generator.choice(_TENS)} {generator.choice(_DIGITS)}"


def _price(generator: random.Random) -> str:
    hundreds = f"{generator.choice(_DIGITS)} hundred"
    amount = generator.choice((_count(generator), hundreds, f"{hundreds} and {generator.choice(_TENS)}"))
    return f"{amount} dollars"


_DRAW = {"time": _time, "phone": _digits(6), "code": _digits(4), "count": _count, "price": _price}


class Composer:
    """Makes the messages of one split.

    Args:
      split: train, dev or test.
      seed: the same seed gives the same messages.

    Attributes:
      used: kind → all fillers used so far.
    """

    def __init__(self, split: str, seed: int = 0) -> None:
        self.used: dict[str, set[str]] = collections.defaultdict(set)
        self._split = split
        self._generator = random.Random(f"{seed} {split}")
        self._inventories = {kind: splits[split] for kind, splits in read_inventories().items()}
        self._turns = {part: self._in_turn(patterns) for part, patterns in read_patterns(split).items()}

    def article(self, number: int) -> dict[str, Any]:
        """A message as an article of SQuAD-form JSON."""
        parts = self._parts()
        fillers = self._fill({name: kind for part in parts for name, kind in part.slots.items()})
        context, places = _say(" ".join(part.text for part in parts), fillers)
        qas = []
        for kind in QUESTION_KINDS:
            slot, wordings = self._generator.choice(_askable(parts)[kind])
            question = _SLOT.sub(lambda match: fillers[match[1]], self._generator.choice(wordings))
            answer = {"text": fillers[slot], "answer_start": places[slot]}
            qas.append({"id": f"{self._split}-{number:03}-{kind}", "question": question, "answers": [answer]})
        return {"title": f"{self._split} message {number:03}", "paragraphs": [{"context": context, "qas": qas}]}

    def _parts(self) -> tuple[Pattern, ...]:
        """Returns the next pattern of each part, with the body shortened if the message would be too long."""
        opening, body, closing = (next(self._turns[part]) for part in _PARTS)
        choices = [(opening, beginning, closing) for beginning in body.beginnings()]
        choices = [parts for parts in choices if all(_askable(parts).values()) and _num_times(parts) >= _FEWEST_TIMES]
        short = [parts for parts in choices if sum(part.num_words for part in parts) <= _MOST_WORDS]
        return short[-1] if short else choices[0]

    def _in_turn(self, patterns: Sequence[Pattern]) -> Iterator[Pattern]:
        """All of them in a random order, again and again."""
        for _ in itertools.count():
            yield from self._generator.sample(patterns, len(patterns))

    def _fill(self, slots: dict[str, str]) -> dict[str, str]:
        """Draws a filler for each slot; no two slots of a message have the same."""
        fillers: dict[str, str] = {}
        for name, kind in slots.items():
            while (filler := self._draw(kind)) in fillers.values():
                pass
            fillers[name] = filler
            self.used[kind].add(filler)
        return fillers

    def _draw(self, kind: str) -> str:
        if kind in self._inventories:
            return self._generator.choice(self._inventories[kind])
        while split_of(filler := _DRAW[kind](self._generator)) != self._split:
            pass
        return filler


def _num_times(parts: Sequence[Pattern]) -> int:
    return sum(kind == "time" for part in parts for kind in part.slots.values())


def _askable(parts: Sequence[Pattern]) -> dict[str, list[tuple[str, list[str]]]]:
    """By kind: slots that can be asked for, each with the wordings whose own slots the message has."""
    known = {slot for part in parts for slot in part.slots}
    askable: dict[str, list[tuple[str, list[str]]]] = {kind: [] for kind in QUESTION_KINDS}
    for kind, slot, wordings in (question for part in parts for question in part.questions):
        possible = [wording for wording in wordings if {name for name, _ in _SLOT.findall(wording)} <= known]
        if possible:
            askable[kind].append((slot, possible))
    return askable


def _say(text: str, fillers: dict[str, str]) -> tuple[str, dict[str, int]]:
    """The text with its slots filled, and where each slot is filled first."""
    said, places, done = "", {}, 0
    for match in _SLOT.finditer(text):
        said += text[done : match.start()]
        if said.endswith((" a ", "A ")) and fillers[match[1]][0] in "aeiou":
            said = f"{said[:-1]}n "
        places.setdefault(match[1], len(said))
        said += fillers[match[1]]
        done = match.end()
    return said + text[done:], places


def main() -> None:
    """Writes train.json, dev.json and test.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="where to write")
    values = parser.parse_args()

    values.output_dir.mkdir(parents=True, exist_ok=True)
    for split, count in MESSAGES.items():
        composer = Composer(split)
        articles = [composer.article(number) for number in range(1, count + 1)]
        path = values.output_dir / f"{split}.json"
        path.write_text(json.dumps({"version": "1.1", "data": articles}, indent=1) + "\n", encoding="utf-8")
        words = sum(len(article["paragraphs"][0]["context"].split()) for article in articles)
        print(f"{path}: {len(articles)} messages of {words / len(articles):.0f} words, {4 * len(articles)} questions")


if __name__ == "__main__":
    main()
