"""Measures the peak memory of training on a data set and on one ten times as large, each in its own process.

python benchmarks/training_memory.py --input_file=a.json --input_file=b.json     prints a Markdown table

The larger data set is one conversion of ten copies of each file with different question ids, so it has as many texts,
windows and records as ten files of that size. Both conversions are kept in --work and reused. MiniLM is trained for
some steps at one length, so that every step does the same amount of computation.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

_COPIES = 10
_LENGTH = 384


def main() -> None:
    """Converts, trains twice and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--input_file", action="append", required=True, help="SQuAD-form JSON; repeat for more files")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("runs/training_memory"))
    parser.add_argument("--encoder_handle", default="minilm", help="as for train")
    parser.add_argument("--mixed_precision", default="mixed_bfloat16", help="as for train")
    parser.add_argument("--global_batch_size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    values = parser.parse_args()

    print("| windows | MB of records | peak memory, GB | windows/s of the last 10 steps |\n|---:|---:|---:|---:|")
    for copies in (1, _COPIES):
        records = values.work / f"records_{copies}"
        if not (records / "manifest.json").exists():
            _convert(values, copies, records)
        print(_measure(values, records), flush=True)


def _convert(values: argparse.Namespace, copies: int, records: pathlib.Path) -> None:
    """Makes records from the given number of copies of each input file."""
    inputs = values.work / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    paths = [_write_copy(pathlib.Path(name), copy, inputs) for name in values.input_file for copy in range(copies)]
    _run(
        "create_tfrecords",
        *(f"--input_file={path}" for path in paths),
        f"--output_dir={records}",
        f"--encoder_handle={values.encoder_handle}",
        f"--max_seq_length={_LENGTH}",
        "--dev_fraction=0",
    )
    shutil.rmtree(inputs)


def _write_copy(source: pathlib.Path, copy: int, folder: pathlib.Path) -> pathlib.Path:
    document = json.loads(source.read_text(encoding="utf-8"))
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                question["id"] += f" {copy}"
    path = folder / f"{source.stem}.{copy}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _measure(values: argparse.Namespace, records: pathlib.Path) -> str:
    """Trains on some records, and returns the row of the table."""
    run = values.work / "run"
    shutil.rmtree(run, ignore_errors=True)
    _run(
        "train",
        f"--train_dir={records}",
        f"--model_dir={run}",
        f"--encoder_handle={values.encoder_handle}",
        f"--mixed_precision={values.mixed_precision}",
        f"--global_batch_size={values.global_batch_size}",
        f"--length_buckets={_LENGTH},",
        f"--max_train_steps={values.steps}",
        "--log_steps=10",
    )
    # The last line of the training's own figures: memory is the process's peak up to there.
    figures = json.loads((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    shards = json.loads((records / "manifest.json").read_text(encoding="utf-8"))["shards"]
    windows, megabytes = sum(shard["records"] for shard in shards), sum(shard["bytes"] for shard in shards) / 2**20
    return f"| {windows:,} | {megabytes:.0f} | {figures['host_memory_gb']:.2f} | {figures['windows_per_second']:.1f} |"


def _run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", f"bert_qa_tf.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    main()
