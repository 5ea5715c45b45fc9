"""Measures the peak memory of `create_tfrecords` on files of several sizes, each in its own process.

python benchmarks/conversion_memory.py     prints a Markdown table

The text repeats the ten messages of tests/testdata with different ids and titles: in a small file, in eight such files,
and in one file as large as the eight. The growth from the first to the second is the cost of the number of questions
(their ids, and records waiting to be sorted, at most 64 MB). The growth from the second to the third is the cost of the
size of one file.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

_MESSAGES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "testdata" / "messages.json"
_COPIES = 400  # of ten messages: 4.5 MB
_FILES = 8
_VOCAB = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
)
# Run in a process of its own: peak memory never comes down again.
_PROGRAM = """
import resource, sys
import tensorflow, tensorflow_text
from bert_qa_tf import cli, create_tfrecords
unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
if cli.call(create_tfrecords.main, "", create_tfrecords.FLAG_GROUPS, sys.argv[1:]):
    sys.exit(1)
print(f"{before:.0f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.0f}")
"""


def _articles(number: int) -> list[dict]:
    """The ten messages `_COPIES` times, under names that no other number gives."""
    text = _MESSAGES.read_text(encoding="utf-8")
    articles = []
    for copy in range(_COPIES):
        for article in json.loads(text)["data"]:
            article["title"] += f" {number} {copy}"
            for paragraph in article["paragraphs"]:
                # Each text is one of its own, or it would be tokenized once for all.
                paragraph["context"] += f" {number} {copy}"
                for question in paragraph["qas"]:
                    question["id"] += f" {number} {copy}"
            articles.append(article)
    return articles


def _measure(folder: pathlib.Path, name: str, files: list[pathlib.Path]) -> str:
    arguments = [f"--input_file={file}" for file in files]
    arguments += [f"--output_dir={folder / name}", f"--vocab_file={folder / 'vocab.txt'}"]
    done = subprocess.run([sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=True)
    before, peak = (int(value) for value in done.stdout.splitlines()[-1].split())
    megabytes = [file.stat().st_size / 2**20 for file in files]
    return f"| {name} | {sum(megabytes):.1f} | {max(megabytes):.1f} | {before} | {peak} | {peak - before} |"


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in _VOCAB), encoding="utf-8")
        parts = []
        for number in range(_FILES):
            parts.append(folder / f"part{number}.json")
            parts[-1].write_text(json.dumps({"version": "1.1", "data": _articles(number)}), encoding="utf-8")
        whole = folder / "whole.json"
        articles = [article for number in range(_FILES) for article in _articles(number)]
        whole.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")
        print("| input | MB of text | largest file, MB | before, MB | peak, MB | conversion, MB |")
        print("|---|---:|---:|---:|---:|---:|")
        for label, files in (("one file", parts[:1]), ("eight files", parts), ("one file of all eight", [whole])):
            print(_measure(folder, label, files), flush=True)


if __name__ == "__main__":
    main()
