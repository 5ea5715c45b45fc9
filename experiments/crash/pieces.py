"""Tiny inputs of the commands, made once: an encoder, records, a trained run, an export, recordings."""

from __future__ import annotations

import json
import math
import os
import pathlib
import shutil
import struct
import wave

SENTENCES = ("The meeting was moved to Friday at 10:30.", "Three hundred people came to the concert.")
ANSWERS = ("Friday", "Three hundred")


def make(folder: str, needed: set[str]) -> None:
    """Makes pieces in an empty folder, which becomes the working folder. To be called in a process of its own.

    Args:
      folder: the folder.
      needed: the names of the pieces; more may be made.
    """
    os.chdir(folder)
    from bert_qa_tf import create_tfrecords, export, train
    from tests.commands import classification_test
    from tests.testing import MESSAGES, tiny_hub_module
    from tests.tiny_training import call

    here = pathlib.Path()
    shutil.copy(MESSAGES, "messages.json")
    classification_test.write_table(pathlib.Path("table.tsv"), classification_test.ROWS[:30])
    _questions(here)
    _spoken(here)
    for name in ("a", "b"):
        _tone(here / f"{name}.wav")
    if not needed & {"tiny_hub_module", "records", "run", "exports", "model.tar.gz"}:
        return
    tiny_hub_module(here)
    if not needed & {"records", "run", "exports", "model.tar.gz"}:
        return
    _check(call(create_tfrecords, *CONVERSION, "--input_file=messages.json", "--output_dir=records"))
    if not needed & {"run", "exports", "model.tar.gz"}:
        return
    os.makedirs("in")
    for name in ("records", "tiny_hub_module"):
        os.symlink(f"../{name}", f"in/{name}")
    _check(call(train, *TRAINING, "--model_dir=run"))
    _check(call(export, "--model_dir=run", "--export_dir=exports", "--archive=model.tar.gz"))
    shutil.rmtree("in")


CONVERSION = (*("--encoder_handle=tiny_hub_module", "--max_seq_length=384", "--num_shards=2", "--dev_fraction=0.2"),)
TRAINING = (
    *("--train_dir=in/records", "--encoder_handle=in/tiny_hub_module", "--deterministic", "--global_batch_size=8"),
    *("--length_buckets=1", "--learning_rate=1e-2", "--log_steps=1", "--max_train_steps=4", "--num_train_epochs=9"),
    "--save_checkpoints_steps=2",
)


def _check(status: int) -> None:
    if status:
        raise SystemExit("error: an input could not be made; see above")


def _questions(folder: pathlib.Path) -> None:
    lines = [
        {"question": "who", "context": "nora called. the cat sat on the mat"},
        {"question": "what", "context": "a"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines * 3)
    (folder / "questions.jsonl").write_text(text, encoding="utf-8")


def _spoken(folder: pathlib.Path) -> None:
    articles = []
    for number, (text, answer) in enumerate(zip(SENTENCES, ANSWERS, strict=True)):
        answers = [{"text": answer, "answer_start": text.index(answer)}]
        qas = [{"id": str(number), "question": "What?", "answers": answers}]
        articles.append({"title": f"article {number}", "paragraphs": [{"context": text, "qas": qas}]})
    content = json.dumps({"version": "1.1", "data": articles})
    (folder / "written.json").write_text(content, encoding="utf-8")


def _tone(path: pathlib.Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(3000 * math.sin(0.3 * place)) for place in range(8000 * 40))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
