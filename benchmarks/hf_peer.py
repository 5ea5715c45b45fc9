"""Runs Hugging Face's `question-answering` pipeline for `serve.py`, in its own process and environment.

    python benchmarks/hf_peer.py FOLDER THREADS

FOLDER is the output of `hf_folder.py`. Each line of standard input is a JSON object with `questions`, `contexts` and
`options`, which are passed to the pipeline unchanged. Each gets one line of output: `secs`, the time of the call of the
pipeline alone, and `answers`, a list of `[text, start_char]` pairs, best first, for each question. The first output
line states the versions. This script imports neither bert_qa_tf nor TensorFlow.
"""

from __future__ import annotations

import json
import platform
import sys
import time

import torch
import transformers


def main(folder: str, threads: int) -> None:
    """Answers until standard input ends."""
    torch.set_num_threads(threads)
    # float32 is what the folder holds; attention is what the library chooses (PyTorch's fused one).
    pipeline = transformers.pipeline("question-answering", folder, device="cpu", dtype=torch.float32)
    versions = {"Python": platform.python_version(), "PyTorch": torch.__version__}
    _write({**versions, "transformers": transformers.__version__})
    for line in sys.stdin:
        request = json.loads(line)
        questions, contexts = request["questions"], request["contexts"]
        started = time.perf_counter()
        found = pipeline(question=questions, context=contexts, batch_size=len(questions), **request["options"])
        secs = time.perf_counter() - started
        _write({"secs": secs, "answers": [[_pair(one) for one in ranked] for ranked in _ranked(found, len(questions))]})


def _ranked(found: list | dict, count: int) -> list[list[dict]]:
    """Makes a list of answers for each question, because the pipeline returns lists of one without the list."""
    each = [found] if count == 1 else found
    return [one if isinstance(one, list) else [one] for one in each]


def _pair(answer: dict) -> tuple[str, int]:
    return answer["answer"], answer["start"]


def _write(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
