"""Fuzzes an export with ten thousand questions about unusual texts.

    python experiments/export_parity/fuzz_export.py exports/qa/1 [--count=10000] [--seed=0] [--long_texts=3]

The texts are empty, all spaces, emoji and flags, combining marks, right to left, NUL and other controls, words of
thousands of letters, invalid UTF-8 or a megabyte long, in batches of every size. Every answer and every other candidate
must be found at its offsets, in code points of the text as decoded by Python with `replace`, and scores must be between
0 and 1 and descend. The script prints one line, and exits with status 1 if any check fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bert_qa_tf.exporting.exported_model import load

_Pair = tuple[bytes, bytes]
_WORDS = ("the", "cat", "sat", "on", "a", "mat", "who", "called", "at", "six", "x" * 250, "½", "…", "don't", "3.5%")
_EMOJI = ("😀", "👩‍👩‍👧", "🇫🇷", "🏽", "❤️", "𝔘")
_COMBINING = ("e\u0301", "o\u0308\u0323", "\u0301", "\u0e33", "\u093f", "नमस्ते", "İ", "ﬁ", "Å")
_RIGHT_TO_LEFT = ("שלום", "مرحبا", "\u200f", "\u202e", "ﷺ", "٣")
_CONTROLS = ("\x00", "\x07", "\x7f", "\u200b", "\ufeff", "\ufffd", "\r\n", "\t", "\u2028", "\x85", "\u3000")
_EASTERN = ("北京", "日本語", "한글", "㍿", "Ａ", "𠜎")
_BYTES = (b"\xff", b"\xc3", b"\xa9", b"\xe5\x8c", b"\xf0\x9f\x98", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")
KINDS = ("empty", "spaces", "words", "emoji", "combining", "right to left", "controls", "eastern", "mixed", "not UTF-8")


def make_text(rng: np.random.Generator, kind: str, longest: int) -> bytes:
    """A text of a kind (see `KINDS`) with at most `longest` parts."""
    size = int(rng.integers(1, longest + 1))
    if kind == "empty":
        return b""
    if kind == "spaces":
        return "".join(rng.choice([" ", "\n", "\t", "\u3000", "\xa0"], size)).encode()
    if kind == "not UTF-8":
        parts = (*_BYTES, b" ", b"the ", "😀".encode())
        return b"".join(parts[i] for i in rng.integers(0, len(parts), size))
    parts = {
        "words": _WORDS,
        "emoji": (*_EMOJI, " ", "the"),
        "combining": (*_COMBINING, " ", "a"),
        "right to left": (*_RIGHT_TO_LEFT, " ", "the"),
        "controls": (*_CONTROLS, " ", "the"),
        "eastern": (*_EASTERN, " ", "the"),
        "mixed": (*_WORDS, *_EMOJI, *_COMBINING, *_RIGHT_TO_LEFT, *_CONTROLS, *_EASTERN, " "),
    }[kind]
    return str(rng.choice([" ", ""])).join(parts[i] for i in rng.integers(0, len(parts), size)).encode()


def make_batches(count: int, seed: int) -> Iterator[list[tuple[str, _Pair]]]:
    """Pairs of question and text with the text's kind, `count` of them, in batches of 1 to 64."""
    rng = np.random.default_rng(seed)
    while count:
        size = min(count, int(rng.choice([1, 2, 7, 32, 64])))
        batch = []
        for _ in range(size):
            kind, other = (str(name) for name in rng.choice(KINDS, 2))
            longest = int(rng.choice([3, 30, 300], p=[0.5, 0.4, 0.1]))
            batch.append((kind, (make_text(rng, other, 20), make_text(rng, kind, longest))))
        yield batch
        count -= size


def problems(outputs: Mapping[str, np.ndarray], contexts: Sequence[bytes]) -> list[str]:
    """What is wrong with the outputs of `serving_default` for these texts, a line for each."""
    found = []
    for row, raw in enumerate(contexts):
        context = raw.decode("utf-8", "replace")
        start, end = int(outputs["answer_start"][row]), int(outputs["answer_end"][row])
        answer = outputs["answer"][row].decode("utf-8")
        if not 0 <= start <= end <= len(context) or context[start:end] != answer:
            found.append(f"{raw[:60]!r}: {answer!r} does not stand at {start} to {end}")
        scores = outputs["nbest_score"][row]
        if not (np.all(scores >= 0) and np.all(scores <= 1) and np.all(np.diff(scores) <= 0)):
            found.append(f"{raw[:60]!r}: scores {scores}")
        for encoded, place, score in zip(
            outputs["nbest_answer"][row], outputs["nbest_start"][row], scores, strict=True
        ):
            text = encoded.decode("utf-8")
            if score > 0 and context[place : place + len(text)] != text:
                found.append(f"{raw[:60]!r}: runner-up {text!r} does not stand at {place}")
    return found


def main(argv: Sequence[str]) -> int:
    """Asks, checks, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("saved_model")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--long_texts", type=int, default=3, help="texts of a megabyte, beside the others")
    options = parser.parse_args(argv)
    module = load(options.saved_model)
    serve = module.signatures["serving_default"]
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    progress = tqdm(total=options.count + options.long_texts, disable=not sys.stderr.isatty())
    rng = np.random.default_rng(options.seed)
    long_texts = [[("a megabyte", _long_pair(rng))] for _ in range(options.long_texts)]
    for batch in (*make_batches(options.count, options.seed), *long_texts):
        questions, contexts = zip(*(pair for _, pair in batch), strict=True)
        outputs = serve(question=tf.constant(questions, tf.string), context=tf.constant(contexts, tf.string))
        arrays = {name: value.numpy() for name, value in outputs.items()}
        wrong += problems(arrays, contexts)
        counts.update(kind for kind, _ in batch)
        counts["with an answer"] += int(np.sum(arrays["answer"] != b""))
        progress.update(len(batch))
    progress.close()
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    answered = counts.pop("with an answer")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    print(f"{sum(counts.values()):,} questions ({kinds}): {answered:,} with an answer, {len(wrong)} problems")
    return int(bool(wrong))


def _long_pair(rng: np.random.Generator) -> _Pair:
    text = b""
    while len(text) < 1_000_000:
        text += make_text(rng, "mixed", 5_000)
    return b"who called", text[:1_000_000]  # cut in the middle of a character as likely as not


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
