"""Measures how fast an export answers, in process and over REST, compared with a Hugging Face pipeline.

    BERT_QA_TF_DATA=/path/to/data make benchmark-serve      writes benchmarks/results/serve.md

All have the same weights. In each round all of them answer one batch of questions, one after the other, and their order
rotates by one, so that other load on the machine affects all alike. The first rounds are not counted. A user's call is
timed, from strings to Python objects: `ExportedModel.answer`; a POST with JSON to `serve`, in its own process, over one
connection; `pipeline(question=…, context=…, batch_size=…)`, timed inside its own process (`hf_peer.py`). All have the
same number of threads, float32, windows of the same length and, for a question of usual length, the same overlap; each
pads as it does by default. The questions are used for their lengths only: nothing is scored.

The machine should do nothing else. If cores are shared, PyTorch's threads lose far more time than TensorFlow's, because
they wait for each other at every operation. The table states the machine's load.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_HERE = pathlib.Path(__file__).resolve().parent
_EXPORT, _REST, _PEER, _PEER_ONE = "export, in process", "export, REST", "pipeline", "pipeline, one answer"
# After its work, a thread spins for some milliseconds before it sleeps.
_PAUSE_SECS = 0.01
_SEED = 0

_Question = tuple[str, str]  # and its context
# Answers a batch; returns the seconds it took and each question's best answer with its place.
_Ask = Callable[[Sequence[_Question]], tuple[float, list[tuple[str, int]]]]


# === Statistics ===


class Summary(NamedTuple):
    """The times of one contestant for batches of one size.

    Attributes:
      p50_secs: the median call.
      p99_secs: the time that 99 of 100 calls did not exceed.
      questions_per_sec: all questions over all calls.
      ratio: the median, over the rounds, of the call's time over the peer's in the same round.
      faster: the share of the rounds in which it was the faster of the two.
    """

    p50_secs: float
    p99_secs: float
    questions_per_sec: float
    ratio: float
    faster: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least so many percent of them do not exceed (nearest rank).

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50)
    2.0
    """
    ranked = sorted(values)
    return ranked[max(math.ceil(percent / 100 * len(ranked)), 1) - 1]


def summarize(secs: Sequence[float], peer_secs: Sequence[float], batch_size: int) -> Summary:
    """Sums up the calls of one contestant.

    Args:
      secs: of each call, in the order of the rounds.
      peer_secs: of the peer's calls in the same rounds.
      batch_size: questions in each call.
    """
    ratios = [own / peer for own, peer in zip(secs, peer_secs, strict=True)]
    return Summary(
        p50_secs=statistics.median(secs),
        p99_secs=percentile(secs, 99),
        questions_per_sec=batch_size * len(secs) / sum(secs),
        ratio=statistics.median(ratios),
        faster=sum(ratio < 1 for ratio in ratios) / len(ratios),
    )


def run_rounds(
    contestants: dict[str, _Ask], batches: Sequence[Sequence[_Question]], warmup: int
) -> tuple[dict[str, list[float]], dict[str, list[tuple[str, int]]]]:
    """Lets all contestants answer each batch.

    Args:
      contestants: name → the function that asks it. The first round uses this order; in each later round, the first of
        the previous round goes last.
      batches: one batch for each round.
      warmup: the number of rounds at the start that are not counted.

    Returns:
      By name: the seconds of each counted round, and the answers of these rounds, question after question.
    """
    names = list(contestants)
    secs: dict[str, list[float]] = {name: [] for name in names}
    answers: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for number, batch in enumerate(batches):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(_PAUSE_SECS)
            took, found = contestants[name](batch)
            if number >= warmup:
                secs[name].append(took)
                answers[name].extend(found)
    return secs, answers


def same_answers(ours: Sequence[tuple[str, int]], others: Sequence[tuple[str, int]]) -> float:
    """Computes the share of questions whose answers have the same text at the same place."""
    return sum(own == other for own, other in zip(ours, others, strict=True)) / len(ours)


# === Contestants ===


class Rest:
    """`serve` as a process of its own, asked over one connection."""

    def __init__(self, saved_model: str) -> None:
        command = [sys.executable, "-m", "bert_qa_tf.serve", f"--saved_model={saved_model}", "--port=0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        [*_, last] = [self._process.stdout.readline() for _ in range(3)]
        time.sleep(1)  # it says where it will listen just before it does
        self._address = urllib.parse.urlsplit(last.split()[1])
        self._connection = http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=600)

    def ask(self, batch: Sequence[_Question]) -> tuple[float, list[tuple[str, int]]]:
        """See `_Ask`."""
        self._connect()
        started = time.perf_counter()
        rows = [{"question": question, "context": context} for question, context in batch]
        self._connection.request("POST", self._address.path, json.dumps({"instances": rows}))
        reply = self._connection.getresponse()
        body = json.loads(reply.read())
        took = time.perf_counter() - started
        if reply.status != 200:
            sys.exit(f"serve: status {reply.status}: {body}")
        return took, [(row["answer"], row["answer_start"]) for row in body["predictions"]]

    def _connect(self) -> None:
        """Connects anew where the server has closed the connection, as it does with one that others kept waiting."""
        try:
            self._connection.request("GET", self._address.path.removesuffix(":predict"))
            self._connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection.connect()

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.terminate()
        self._process.wait(timeout=60)


class Peer:
    """The pipeline in its process; see `hf_peer.py`.

    Attributes:
      versions: what is running there.
    """

    def __init__(self, python: str, folder: str, threads: int) -> None:
        command = [python, str(_HERE / "hf_peer.py"), folder, str(threads)]
        # The other environment must not import from this one.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions = self._read()

    def ask(self, options: dict[str, Any]) -> _Ask:
        """How to ask with these options of the pipeline."""

        def ask(batch: Sequence[_Question]) -> tuple[float, list[tuple[str, int]]]:
            questions, contexts = zip(*batch, strict=True)
            request = {"questions": questions, "contexts": contexts, "options": options}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            reply = self._read()
            return reply["secs"], [tuple(ranked[0]) for ranked in reply["answers"]]

        return ask

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"hf_peer.py ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait(timeout=60)


def _in_process(saved_model: str, batch_size: int) -> _Ask:
    from bert_qa_tf.exporting.exported_model import ExportedModel
    from bert_qa_tf.tasks.question_answering.examples import SquadExample

    model = ExportedModel(saved_model, batch_size)

    def ask(batch: Sequence[_Question]) -> tuple[float, list[tuple[str, int]]]:
        started = time.perf_counter()
        examples = [SquadExample(str(row), question, context) for row, (question, context) in enumerate(batch)]
        answers = list(model.answer(examples))
        took = time.perf_counter() - started
        return took, [(answer.text, answer.start_char) for answer in answers]

    return ask


# === Setting it up ===


def read_questions(path: str) -> list[_Question]:
    """All questions of a SQuAD-form file, in an arbitrary order that is always the same."""
    with open(path, encoding="utf-8") as file:
        articles = json.load(file)["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    questions = [(asked["question"], paragraph["context"]) for paragraph in paragraphs for asked in paragraph["qas"]]
    random.Random(_SEED).shuffle(questions)
    return questions


def peer_options(config: dict[str, Any], question_pieces: int) -> dict[str, Any]:
    """The pipeline's options that make it do what a run's export does.

    Args:
      config: `config.json` of the run.
      question_pieces: word pieces of a usual question. Their `doc_stride` is the overlap of two windows: ours is what
        is left of a window beside the question, less the step, and so depends on the question.
    """
    windowing, decoding = (config["settings"][name] for name in ("windowing", "decoding"))
    room = windowing["max_seq_length"] - question_pieces - 3
    return {
        "max_seq_len": windowing["max_seq_length"],
        "max_question_len": windowing["max_query_length"],
        "doc_stride": room - windowing["doc_stride"],
        "max_answer_len": decoding["max_answer_length"],
        "top_k": decoding["n_best_size"],
        # Ours are spans of word pieces, too. It is the quicker way: with it fewer spans are looked at.
        "align_to_words": False,
    }


def _usual_length(questions: Sequence[_Question], model_dir: str) -> int:
    from bert_qa_tf.training.run_directory import load_run

    tokens = load_run(model_dir).tokenizer.tokenize_texts([question for question, _ in questions])
    return int(statistics.median(len(one.ids) for one in tokens))


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return f"{model}, {os.cpu_count()} cores"


def _rounds(text: str) -> dict[int, int]:
    """`1:500,8:100` → how many rounds for each size of batch."""
    return {int(size): int(count) for size, count in (part.split(":") for part in text.split(","))}


def _table(size: int, secs: dict[str, list[float]]) -> list[str]:
    lines = []
    for name, taken in secs.items():
        found = summarize(taken, secs[_PEER], size)
        against = " | " if name == _PEER else f"{found.ratio:.2f} | {found.faster:.0%}"
        lines.append(
            f"| {size} | {name} | {found.p50_secs * 1e3:,.1f} | {found.p99_secs * 1e3:,.1f} "
            f"| {found.questions_per_sec:.1f} | {against} |"
        )
    return lines


def _share(answers: dict[int, dict[str, list[tuple[str, int]]]], name: str) -> float:
    """Of all questions, the share that was answered as by the export in process."""
    both = ([answer for found in answers.values() for answer in found[one]] for one in (_EXPORT, name))
    return same_answers(*both)


def _measure(values: argparse.Namespace, options: dict[str, Any]) -> tuple[list[str], list[float], dict[str, str]]:
    """Starts all contestants, lets them answer, and ends them.

    Args:
      values: the command's arguments.
      options: the options of the pipeline.

    Returns:
      The table's lines; the shares of the questions that were answered over REST and by the pipeline as in process; and
      the versions that the pipeline runs on.
    """
    questions = read_questions(values.input_file)
    lines, answers = [], {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(_HERE / "hf_folder.py"), values.model_dir, folder]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        peer, rest = Peer(values.peer_python, folder, values.threads), Rest(values.saved_model)
        contestants = {
            _EXPORT: _in_process(values.saved_model, max(values.rounds)),
            _REST: rest.ask,
            _PEER: peer.ask(options),
            _PEER_ONE: peer.ask({**options, "top_k": 1}),
        }
        try:
            for size, count in values.rounds.items():
                asked = (count + values.warmup) * size
                some = (questions * (asked // len(questions) + 1))[:asked]
                batches = [some[first : first + size] for first in range(0, asked, size)]
                secs, answers[size] = run_rounds(contestants, batches, values.warmup)
                lines += _table(size, secs)
                print(*lines[-len(contestants) :], sep="\n", file=sys.stderr, flush=True)
        finally:
            rest.close()
            peer.close()
    return lines, [_share(answers, name) for name in (_REST, _PEER)], peer.versions


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model_dir", required=True, help="run directory of `train`")
    parser.add_argument("--saved_model", required=True, help="version folder of its export in float32")
    parser.add_argument("--input_file", required=True, help="SQuAD-form JSON to take questions from")
    parser.add_argument("--peer_python", required=True, help="Python of an environment with requirements/peer.txt")
    parser.add_argument("--rounds", type=_rounds, default="1:500,8:100,32:50", help="batch size:rounds, …")
    parser.add_argument("--warmup", type=int, default=5, help="rounds of each batch size that are not counted")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of each")
    parser.add_argument("--output_file", help="Markdown is written there, too")
    return parser.parse_args()


def main() -> None:
    """Measures, and prints Markdown."""
    values = _parse_arguments()
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(values.threads)  # of TensorFlow here and in `serve`
    busy = os.getloadavg()[0]

    import tensorflow as tf

    from bert_qa_tf.training.run_directory import read_config

    length = _usual_length(read_questions(values.input_file)[:1000], values.model_dir)
    options = peer_options(read_config(values.model_dir), length)
    lines, (rest_share, peer_share), versions = _measure(values, options)
    counts = ",".join(f"{size}:{count}" for size, count in values.rounds.items())
    newline = "\n"
    report = f"""# An export beside a Hugging Face pipeline with the same weights

    make benchmark-serve SERVE_ARGS="--rounds={counts} --warmup={values.warmup} --threads={values.threads}"

{_machine()}; load average beforehand {busy:.1f}; {values.threads} threads for each. TensorFlow {tf.__version__};
the pipeline: {", ".join(f"{name} {version}" for name, version in versions.items())}. Questions of
`{pathlib.Path(values.input_file).name}`. Options of the pipeline: `{json.dumps(options)}`; in its second row `top_k`
is 1, its default.

| batch | | p50, ms | p99, ms | questions/s | time over the pipeline's, median of rounds | faster in |
|---:|---|---:|---:|---:|---:|---:|
{newline.join(lines)}

The same best answer in the same place as the export in process: REST {rest_share:.2%}, pipeline {peer_share:.2%}.
"""
    print(report)
    if values.output_file:
        pathlib.Path(values.output_file).write_text(report, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main()
