"""What stands in, in the process of a command, for what would take long; and the servers that commands talk to."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import types
from collections.abc import Iterator


class _Recognizer:
    """Hears a word at the beginning and at the end."""

    settings = "stand-in"
    punctuates = False

    def recognize(self, samples: object) -> list:
        from bert_qa_tf.speech.transcripts.transcript import Word

        end = len(samples) / 16000
        return [Word("begin", 0.0, 0.5, 0.5), Word("end", end - 0.5, end, 0.5)] if end else []


def recognizer(cache: str) -> None:
    """Recognises nothing."""
    from bert_qa_tf.speech.recordings import transcription_job

    transcription_job.load_recognizer = lambda config: _Recognizer()


def check_of_export(cache: str) -> None:
    """Takes the reply of the fresh process from the first run: it starts TensorFlow, and writes one temporary file."""
    from bert_qa_tf.exporting import fresh_process

    kept = pathlib.Path(cache, "export_reply.json")
    real = subprocess.run

    def run(command: list[str], **options: object) -> object:
        if kept.exists():
            pathlib.Path(command[-1]).write_bytes(kept.read_bytes())
            return types.SimpleNamespace(returncode=0)
        done = real(command, **options)
        shutil.copy(command[-1], kept)
        return done

    fresh_process.subprocess = types.SimpleNamespace(run=run)


def data_sets(cache: str) -> None:
    """Puts two small files in the place of a public data set."""
    from bert_qa_tf.tasks import public_datasets
    from bert_qa_tf.tasks.public_datasets import Dataset, RemoteFile

    published = RemoteFile(
        "published.json", hashlib.sha256(_SERVED["published.json"]).hexdigest(), len(_SERVED["published.json"])
    )
    # The table is what the flag's choices are made of: a known name keeps its place.
    public_datasets.DATASETS["spoken_squad"] = Dataset(("http://x",), (published, RemoteFile("pinned.json")))


_SQUAD = (
    b'{"data": [{"title": "t", "paragraphs": [{"context": "the cat sat", "qas": [{"id": "1", "question": "who", '
    b'"answers": [{"text": "cat", "answer_start": 4}]}]}]}]}'
)
_SERVED = {"published.json": _SQUAD + b"\n" * 600_000, "pinned.json": _SQUAD + b" " * 300_000}


@contextlib.contextmanager
def file_server() -> Iterator[int]:
    """Serves the files of `data_sets`; yields its port."""
    from tests.storage import file_server as servers

    with servers.file_server(_SERVED) as server:
        yield server.server_port


@contextlib.contextmanager
def model_server() -> Iterator[int]:
    """Serves the tiny export; yields its port."""
    from tests.serving.servers import rest_server

    with rest_server(os.path.join(os.environ["CRASH_PIECES"], "exports", "qa", "1")) as seen:
        yield seen.port


def demo(cache: str) -> None:
    """Leaves out the demo's commands, which have cases of their own, and keeps what it writes itself."""
    from bert_qa_tf import demo as command

    command._step = lambda text, command, arguments: None
    command._LISTENING = ("no_such_library",)
