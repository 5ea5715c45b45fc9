"""The peer of `serve.py`: Hugging Face's `question-answering` pipeline, in an environment and a process of its own.

    python benchmarks/hf_peer.py FOLDER THREADS

FOLDER is what `hf_folder.py` wrote. Each line of standard input is a JSON object: `questions`, `contexts`, and
`options`, which go to the pipeline as they are. Each is answered by one line: `secs`, what the call of the pipeline
alone took, and `answers`, a list of `[text, start_char]` pairs, best first, for each question. The first line that is
written says which versions are running. Nothing of bert_qa_tf is imported here, and nothing of TensorFlow.
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
    """A list of answers for each question: the pipeline leaves out the lists of one."""
    each = [found] if count == 1 else found
    return [one if isinstance(one, list) else [one] for one in each]


def _pair(answer: dict) -> tuple[str, int]:
    return answer["answer"], answer["start"]


def _write(value: dict) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
