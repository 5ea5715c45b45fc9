"""The whole path on ten bundled messages, in minutes, on a laptop: audit, convert, train, score, export, ask.

python -m bert_qa_tf.demo
"""

from __future__ import annotations

import importlib.resources
import os
import pathlib
import shutil
import time
from collections.abc import Sequence
from types import ModuleType

from absl.flags import FlagValues

from bert_qa_tf import audit, cli, create_tfrecords, evaluate, export, flags, predict, train
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (flags.define_demo,)

_QUESTION = "How many hens does he have?"
_TITLE = "message from grandpa"


def main(values: FlagValues) -> None:
    """Walks through the commands, each as a person would type it."""
    began = time.monotonic()
    root = pathlib.Path(values.output_dir)
    if root.exists():
        _remove_earlier(root)
    root.mkdir(parents=True)
    (root / _MARKER).touch()
    messages = root / "messages.json"
    with importlib.resources.as_file(importlib.resources.files("bert_qa_tf.demo_data") / "messages.json") as bundled:
        shutil.copyfile(bundled, messages)
    records, run, exports = root / "records", root / "run", root / "exports"

    _step(
        "Audit: ten transcripts with thirty-nine questions. Do the answers stand where the file says?",
        audit,
        [f"--input_file={messages}"],
    )
    _step(
        "Convert: each question and its transcript become a window of word pieces. Two messages are set aside.",
        create_tfrecords,
        [f"--input_file={messages}", f"--output_dir={records}", "--num_shards=2", "--dev_fraction=0.2"],
    )
    _step(
        "Train: MiniLM, a small BERT, learns where the answers of eight messages begin and end.",
        train,
        [
            f"--train_dir={records}",
            f"--model_dir={run}",
            "--encoder_handle=minilm",
            "--global_batch_size=8",
            "--length_buckets=1",
            "--num_train_epochs=20",
            "--learning_rate=3e-4",
            "--log_steps=20",
        ],
    )
    _step(
        "Score: on the two messages that it has not seen.",
        evaluate,
        [f"--model_dir={run}", f"--eval_file={records / 'dev.json'}", "--checkpoint=last"],
    )
    _step(
        "Export: a SavedModel that takes a question and a transcript as strings, checked after writing.",
        export,
        [f"--model_dir={run}", f"--export_dir={exports}", "--checkpoint=last"],
    )
    context = root / "message.txt"
    context.write_text(_message(messages, _TITLE), encoding="utf-8")
    _step(
        "Ask: the exported model, about a message it was trained on.",
        predict,
        [f"--saved_model={exports / 'qa' / '1'}", f"--question={_QUESTION}", f"--context_file={context}"],
    )
    print(
        f"\nDone in {time.monotonic() - began:.0f} s; everything is in {root}.\n"
        "What this cannot show: thirty-one questions teach a model these messages by heart, not how to answer. The\n"
        "score on the unseen messages is near what guessing gives, and eight questions are too few to measure\n"
        "anything. For a model that answers, train on some ten thousand questions: the README has the commands and\n"
        "what came out of them."
    )


_MARKER = ".bert_qa_tf_demo"


def _remove_earlier(root: pathlib.Path) -> None:
    """Removes what an earlier demo left, and nothing else."""
    if not (root / _MARKER).exists() and any(root.iterdir()):
        raise InputError(f"{root}: not empty and not from an earlier demo; name another --output_dir")
    shutil.rmtree(root)


def _step(text: str, command: ModuleType, arguments: Sequence[str]) -> None:
    name = command.__name__.rsplit(".", 1)[-1]
    shown = " ".join(f'{a.split("=", 1)[0]}="{a.split("=", 1)[1]}"' if " " in a else a for a in arguments)
    print(f"\n━━ {text}\n$ python -m bert_qa_tf.{name} {shown}\n", flush=True)
    if cli.call(command.main, command.__doc__, command.FLAG_GROUPS, arguments):
        raise InputError(f"the demo stopped: its `{name}` step failed, see above")


def _message(path: pathlib.Path, title: str) -> str:
    from bert_qa_tf.data.squad import read_squad

    return next(example.context for example in read_squad(os.fspath(path)) if example.title == title)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
