"""Runs the whole path on 300 spoken messages within minutes: audit, convert, train, score, export, listen, ask.

python -m bert_qa_tf.demo
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import os
import pathlib
import shutil
import time
from collections.abc import Sequence
from types import ModuleType

from absl.flags import FlagValues

from bert_qa_tf import audit, cli, create_tfrecords, evaluate, export, flags, predict, train, transcribe
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad

FLAG_GROUPS = (flags.define_demo,)

# A recording of one of the test messages, and a question. Of the seven questions about both recordings, six are
# answered correctly.
_CLIP = "test_message_003.ogg"
_QAS_ID = "test-003-number"
_LISTENING = ("pocketsphinx", "soundfile", "scipy")


def main(values: FlagValues) -> None:
    """Runs the commands one after the other, and prints each as a user would type it."""
    began = time.monotonic()
    root = pathlib.Path(values.output_dir)
    if root.exists():
        _remove_earlier(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / _MARKER).touch()
    _copy_sample(root)
    records, run, exports = root / "records", root / "run", root / "exports"

    _step(
        "Audit: 300 voicemail-like messages, read aloud, noised, and recognised. What did recognition leave of the "
        "answers?",
        audit,
        [f"--input_file={root / name}" for name in ("train.json", "dev.json", "test.json")],
    )
    _step(
        "Convert: each question and its transcript become a window of word pieces.",
        create_tfrecords,
        [f"--input_file={root / 'train.json'}", f"--output_dir={records}", "--num_shards=2", "--dev_fraction=0"],
    )
    _step(
        "Train: MiniLM, a small BERT, learns where the answers of 200 messages begin and end.",
        train,
        [f"--train_dir={records}", f"--model_dir={run}", "--encoder_handle=minilm", *_RECIPE],
    )
    _step(
        "Score: on 50 messages whose patterns, names, places and numbers it has never seen; beside it what the best "
        "of 48 ways to count shared words can do without reading.",
        evaluate,
        [f"--model_dir={run}", f"--eval_file={root / 'test.json'}", "--checkpoint=last", "--word_overlap"],
    )
    _step(
        "Export: a SavedModel that takes a question and a transcript as strings, checked after writing.",
        export,
        [f"--model_dir={run}", f"--export_dir={exports}", "--checkpoint=last"],
    )
    asked = _example(root / "test.json", _QAS_ID)
    _listen(root, asked)
    _step(
        "Ask: the exported model, about that recording.",
        predict,
        [
            f"--saved_model={exports / 'qa' / '1'}",
            f"--question={asked.question}",
            f"--transcript_file={root / 'message.json'}",
        ],
    )
    print(
        f"\nWhat was really said: {asked.answers[0].text}\n"
        "(A question that comes out right was picked; how often they do is the score above.)\n\n"
        f"Done in {time.monotonic() - began:.0f} s; everything is in {root}.\n"
        "What this cannot show: these messages are made of a few dozen patterns and spoken by one voice that is no\n"
        "person's. For a model of what people say, train on some ten thousand questions: the README has the commands\n"
        "and what came out of them."
    )


# Five recipes that keep the demo under six minutes on two cores were compared. This one has the best F1 on the
# development messages, 78.3; four or five epochs, with other learning rates, batches or frozen embeddings, gave 71.9 to
# 74.7.
_RECIPE = (
    "--global_batch_size=8",
    "--length_buckets=2",
    "--num_train_epochs=6",
    "--learning_rate=2e-4",
    "--log_steps=100",
)
_MARKER = ".bert_qa_tf_demo"


def _remove_earlier(root: pathlib.Path) -> None:
    """Removes the files of an earlier demo, and nothing else; the marker stays, so that it can be done again."""
    if not (root / _MARKER).exists() and any(root.iterdir()):
        raise InputError(f"{root}: not empty and not from an earlier demo; name another --output_dir")
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _MARKER:
            path.unlink()


def _copy_sample(root: pathlib.Path) -> None:
    for name in ("train.json", "dev.json", "test.json", _CLIP):
        with atomic_files.replacing(root / name) as file:
            file.write((importlib.resources.files("bert_qa_tf.demo_data") / name).read_bytes())


def _step(text: str, command: ModuleType, arguments: Sequence[str]) -> None:
    name = command.__name__.rsplit(".", 1)[-1]
    shown = " ".join(f'{a.split("=", 1)[0]}="{a.split("=", 1)[1]}"' if " " in a else a for a in arguments)
    print(f"\n━━ {text}\n$ python -m bert_qa_tf.{name} {shown}\n", flush=True)
    if cli.call(command.main, command.__doc__, command.FLAG_GROUPS, arguments):
        raise InputError(f"the demo stopped: its `{name}` step failed, see above")


def _example(path: pathlib.Path, qas_id: str) -> SquadExample:
    return next(example for example in read_squad(os.fspath(path)) if example.qas_id == qas_id)


def _listen(root: pathlib.Path, asked: SquadExample) -> None:
    """Makes `message.json`, the transcript of the recording."""
    missing = [name for name in _LISTENING if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"\n━━ Listen: left out, since {', '.join(missing)} is not installed (pip install -r "
            "requirements/speech.txt).\nThe transcript that the sample has of this recording is taken instead."
        )
        atomic_files.write_json(root / "message.json", _kept_transcript(root / "test.json", asked))
        return
    _step(
        f"Listen: a recording of one of these messages, {_CLIP}, is recognised.",
        transcribe,
        [f"--audio={root / _CLIP}", f"--output_file={root / 'message.json'}"],
    )
    transcript = files.read_json(root / "message.json")
    print(f"\n{transcript['text']}")


def _kept_transcript(path: pathlib.Path, asked: SquadExample) -> dict[str, object]:
    """Converts the sample's own transcript of a message to the form that `transcribe` writes."""
    articles = files.read_json(path)["data"]
    paragraph = next(article["paragraphs"][0] for article in articles if article["title"] == asked.title)
    words = [
        {"text": word, "start_secs": start_secs, "end_secs": end_secs}
        for word, (start_secs, end_secs) in zip(paragraph["context"].split(), paragraph["word_times"], strict=True)
    ]
    return {"text": paragraph["context"], "duration_secs": paragraph["duration_secs"], "words": words}


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
