"""A training that takes seconds: ten messages, a tiny encoder, the commands as a user runs them."""

from __future__ import annotations

import json
import pathlib

from bert_qa_tf import cli, create_tfrecords, train
from tests.testing import MESSAGES, tiny_hub_module


def call(command, *argv: str) -> int:
    return cli.call(command.main, command.__doc__, command.FLAG_GROUPS, argv)


def make_workshop(folder: pathlib.Path) -> pathlib.Path:
    """Puts an encoder and a conversion for it into a folder."""
    tiny_hub_module(folder)
    status = call(
        create_tfrecords,
        f"--input_file={MESSAGES}",
        f"--output_dir={folder / 'records'}",
        f"--encoder_handle={folder / 'tiny_hub_module'}",
        "--max_seq_length=384",
        "--num_shards=2",
        "--dev_fraction=0.2",
    )
    assert status == 0
    return folder


def train_flags(workshop: pathlib.Path, model_dir: pathlib.Path, *more: str) -> list[str]:
    return [
        f"--train_dir={workshop / 'records'}",
        f"--encoder_handle={workshop / 'tiny_hub_module'}",
        f"--model_dir={model_dir}",
        "--global_batch_size=8",
        "--length_buckets=1",  # a graph to trace; tests of what depends on lengths ask for more
        "--learning_rate=1e-2",
        "--log_steps=2",
        *more,
    ]


def run_train(workshop: pathlib.Path, model_dir: pathlib.Path, *more: str) -> int:
    return call(train, *train_flags(workshop, model_dir, *more))


def metrics(model_dir: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in (model_dir / "metrics.jsonl").read_text().splitlines()]
