"""Takes out of a transcript what nobody said, and what says nothing.

That is speaker labels, time stamps, notes of sounds, fillers, repeats and invisible characters, as far as their rules
are on (`CleaningConfig`). Characters are only ever left out, so any span of the cleaned text is a span of the original:
an answer that is found is there in the original too, perhaps with an "um" in its middle. `cleaning_rules.py` finds what
to take out.
"""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from bert_qa_tf.config import CleaningConfig
from bert_qa_tf.speech.transcripts.cleaning_rules import RULES, Span

_MAX_ROUNDS = 20


@dataclasses.dataclass(frozen=True)
class CleanedText:
    """A cleaned text and the way back.

    Attributes:
      text: cleaned.
      original: as it was.
      kept: for each character of `text`, its place in `original`; ascending.
      counts: how often each rule that is on took something out.
    """

    text: str
    original: str
    kept: Sequence[int]
    counts: Mapping[str, int]

    def original_span(self, start_char: int, end_char: int) -> tuple[int, int]:
        """The span of `original` that a span of `text` comes from, with what was taken out in between.

        Args:
          start_char: first code point of the span.
          end_char: one past its last; an empty span comes from an empty one.
        """
        if end_char <= start_char:
            place = self.kept[start_char] if start_char < len(self.kept) else len(self.original)
            return place, place
        return self.kept[start_char], self.kept[end_char - 1] + 1


def clean(text: str, config: CleaningConfig) -> CleanedText:
    """Cleans a text; cleaning it again changes nothing.

    The rules are gone through until none of them finds anything: "the um the" has no repeat before the filler is gone.
    Text needs two or three rounds. The number of rounds is bounded, so that no text takes the square of its length.

    >>> clean("Ann: it is, um, on [Music] Monday", CleaningConfig()).text
    'it is, on Monday'
    """
    # A list would need 40 bytes for each character.
    cleaned, kept = text, array.array("L", range(len(text)))
    counts = dict.fromkeys(config.names, 0)
    for _ in range(_MAX_ROUNDS):
        found = False
        for name in config.names:
            spans = RULES[name](cleaned)
            if spans:
                found = True
                counts[name] += len(spans)
                stretches = list(_kept_stretches(cleaned, spans))
                cleaned = "".join(cleaned[start:end] for start, end in stretches)
                kept = _joined(kept, stretches)
        if not found:
            break
    return CleanedText(cleaned, text, kept, counts)


def _joined(places: array.array, stretches: Sequence[Span]) -> array.array:
    joined = array.array(places.typecode)
    for start, end in stretches:
        joined.extend(places[start:end])
    return joined


def _kept_stretches(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """What stays when spans are left out, each with all but one gap of white space around it.

    So two words stay as far apart as they were. Of several gaps one with a line end is kept: labels are looked for
    where lines begin.
    """
    reached = 0
    for group in _neighbours(text, spans):
        first, last = group[0][0], group[-1][1]
        while first > reached and text[first - 1].isspace():
            first -= 1
        while last < len(text) and text[last].isspace():
            last += 1
        yield reached, first
        if first > 0 and last < len(text):
            edges = [first, *(edge for span in group for edge in span), last]
            gaps = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
            yield max(gaps, key=lambda gap: ("\n" in text[gap[0] : gap[1]], gap[1] > gap[0]))
        reached = last
    yield reached, len(text)


def _neighbours(text: str, spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Runs of spans with nothing but white space between them."""
    group = [spans[0]]
    for start, end in spans[1:]:
        if text[group[-1][1] : start].strip():
            yield group
            group = []
        group.append((start, end))
    yield group
