"""Damages samples: bytes, numbers in a text, and values of a JSON document."""

from __future__ import annotations

import json
import random
import re
from typing import Any

_LARGEST = 200_000  # bytes of an input
_SHORT_NUMBERS = (
    "0 -1 1e400 -1e400 1e308 1e-400 NaN -Infinity 2147483648 9223372036854775808 18446744073709551616 1_000 ٣ ² 1e5 00 "
    "-0 0x10 1.5.2"
)
_NUMBERS = (*_SHORT_NUMBERS.split(), "9" * 401, "9" * 5000, "0." + "1" * 5000)
_SIGNS = [
    "\x00",
    "\u2028",
    "\u200b",
    "😀",
    "é",
    "́",
    "İ",
    "\ufeff",
    "\r",
    "\r\n",
    "\n\n",
    "\t",
    '"',
    "\\",
    "\\ud83d",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-->",
    "<",
    ">",
    "&#x110000;",
    "null",
    "../",
]
_BROKEN = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x1f\x8b", b" " * 500)
_TOKENS = (*(sign.encode() for sign in _SIGNS), *_BROKEN)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_MARK = "\ue000number "
_MARKED = re.compile(f'"{_MARK}(.*?)"')


def mutate(rng: random.Random, samples: list[bytes]) -> bytes:
    """Returns one of the samples, damaged once or a few times."""
    content = rng.choice(samples)
    for _ in range(rng.choice((1, 1, 1, 1, 1, 2, 3, 5))):
        ways = (_bytes, _bytes, _number, _number, _json, _json, _json, _json, _json, _splice)
        content = rng.choice(ways)(rng, content, samples)
    if rng.random() < 0.01:
        content = _amplify(rng, content)
    return content[:_LARGEST]


def _bytes(rng: random.Random, content: bytes, samples: list[bytes]) -> bytes:
    del samples
    place, end = sorted((rng.randint(0, len(content)), rng.randint(0, len(content))))
    end = min(end, place + rng.choice((1, 1, 4, 40, 10**6)))
    new = (
        b"",
        rng.choice(_TOKENS),
        rng.choice(_TOKENS) * rng.choice((2, 40, 300)),
        bytes(rng.randrange(256) for _ in range(rng.randint(1, 4))),
        content[place:end] * 2,
        content[end:][:40],
    )
    if rng.random() < 0.1:
        return content[:place]  # cut, as by a full disk
    return content[:place] + rng.choice(new) + content[end if rng.random() < 0.7 else place :]


def _number(rng: random.Random, content: bytes, samples: list[bytes]) -> bytes:
    del samples
    found = [match.span() for match in _NUMBER.finditer(content)]
    if not found:
        return content
    start, end = rng.choice(found)
    return content[:start] + rng.choice(_NUMBERS).encode() + content[end:]


def _splice(rng: random.Random, content: bytes, samples: list[bytes]) -> bytes:
    other = rng.choice(samples)
    lines, others = content.splitlines(keepends=True), other.splitlines(keepends=True)
    if not lines or not others:
        return content
    place = rng.randrange(len(lines))
    lines[place : place + rng.randint(0, 2)] = rng.choices(others, k=rng.randint(0, 3))
    return b"".join(lines)


def _amplify(rng: random.Random, content: bytes) -> bytes:
    """Repeats a piece, which shows what takes the square of a length."""
    place = rng.randint(0, len(content))
    piece = content[place : place + rng.choice((1, 2, 5, 30, 200))] or b"a "
    count = rng.choice((1000, 8000, 64000)) // len(piece)
    end = place + len(piece)
    return content[:place] + piece * count + content[end:]


# === JSON ===


def _json(rng: random.Random, content: bytes, samples: list[bytes]) -> bytes:
    """Changes a value of the document, or of one of its lines."""
    lines = content.splitlines(keepends=True)
    try:
        return _changed(rng, content)
    except (ValueError, RecursionError):
        pass
    for place in rng.sample(range(len(lines)), min(len(lines), 3)):
        try:
            lines[place] = _changed(rng, lines[place]) + b"\n"
            return b"".join(lines)
        except (ValueError, RecursionError):
            continue
    return _bytes(rng, content, samples)


def _changed(rng: random.Random, content: bytes) -> bytes:
    document = json.loads(content.decode("utf-8"))
    places = [(None, None)]
    level = [document]
    for value in level:  # grows while it is gone through
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in entries:
            places.append((value, key))
            if isinstance(child, dict | list) and len(level) < 2000:
                level.append(child)
    holder, key = rng.choice(places)
    if holder is None:
        document = _value(rng, document)
    elif isinstance(holder, dict):
        way = rng.random()
        value = holder.pop(key)
        if way < 0.6:
            holder[key] = _value(rng, value)
        elif way < 0.8:
            holder[rng.choice((key + "x", "", "id", "text", "\ud800", "é" * 100))] = value
    else:
        holder[key : key + 1] = rng.choice(([], [_value(rng, holder[key])], [holder[key]] * 3, holder[:5]))
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 1)))
    text = _MARKED.sub(lambda match: match[1], text)
    return text.encode("utf-8", "surrogatepass" if rng.random() < 0.2 else "backslashreplace")


def _value(rng: random.Random, old: Any) -> Any:
    deep: Any = 1
    for _ in range(rng.choice((3, 30, 70, 900))):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    values = (None, True, False, "", " ", "\ud83d", "\0", "a\n\nb", "word " * 30, "x" * 3000, [], {}, [[]], {"": None})
    wrapped = ([old], {"a": old}, str(old)[:5000], deep, [old] * 50)
    numbers = (-1, 0, 0.5, 2**31, -(2**63), 2**64, 10**30, *(_MARK + rng.choice(_NUMBERS) for _ in range(4)))
    return rng.choice((*values, *wrapped, *numbers))
