"""Takes the first of a result's alternatives, which recognisers sort by how sure they are."""

from __future__ import annotations

from collections import Counter

from bert_qa_tf.speech.transcripts.formats.json_place import JsonPlace
from bert_qa_tf.speech.transcripts.formats.words import OTHER_ALTERNATIVES


def first_alternative(result: JsonPlace, counts: Counter[str], name: str = "alternatives") -> JsonPlace | None:
    """The first object in the list under `name`, the others counted; None if there is none.

    Raises:
      InputError: it is no list.
    """
    alternatives = list(result.objects(name))
    counts[OTHER_ALTERNATIVES] += max(len(alternatives) - 1, 0)
    return alternatives[0] if alternatives else None


def expected_alternative(result: JsonPlace, counts: Counter[str]) -> JsonPlace:
    """The first of `alternatives`; see `first_alternative`.

    Raises:
      InputError: there is none.
    """
    first = first_alternative(result, counts)
    if first is None:
        raise result.wrong("with one entry at least", "alternatives")
    return first
