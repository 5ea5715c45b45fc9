"""Eight clients ask `serve`, one request in ten is cut off, beside silent and slow connections. Nothing may go wrong.

    python experiments/serve_soak/serve_soak.py --saved_model=exports/qa/1 --minutes=60

The script starts `serve` as a process of its own. The clients ask different questions about different texts, alone and
in batches, some of them long, pause, and compare each answer with the one that the model gave to that question
beforehand. One more client sends a small request every second. Its times are compared with those of the same request
alone, every second, too: without a pause, caches and clocks are warm, and it takes two thirds of that. The script
prints a report, and exits with status 1 if an answer is missing or another, a request has no line in the log, the
memory grew, or the server did not end well.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import pathlib
import platform
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Sequence

_TOPICS = ("clinic", "harbor", "bakery", "station", "library", "garden", "theater", "airport", "market", "museum")
_ASKED = ("when does it open", "where is the front desk")
_SMALL = {"question": "who called", "context": "hi this is nora from the library your book is here"}
_CUT_OFF = 0.1
_LONG = 0.02
# Of a slow client, between two bytes.
_DRIP_SECS = 20.0
_SAMPLE_SECS = 10.0
# Of the client with small requests.
_SMALL_PAUSE_SECS = 1.0
_MEMORY_GROWTH = 1.05
_Question = dict[str, str]


def _questions() -> list[_Question]:
    texts = [
        f"{'😀 ' * (number % 3)}{'and then we talked about the weather for a while ' * (number * number)}"
        f"the {topic} opens at {number + 1} and its front desk is behind the {_TOPICS[number - 1]} on the second floor "
        f"{'and so on and so forth ' * number}"
        for number, topic in enumerate(_TOPICS)
    ]
    return [{"question": question, "context": text} for text in texts for question in _ASKED]


def _long_question() -> _Question:
    filler = "and then we talked about the weather for a while " * 700
    return {"question": _ASKED[1], "context": f"{filler} the front desk is behind the harbor {filler}"}


class Server:
    """`serve` as a process, with its log in a file."""

    def __init__(self, saved_model: str, log_path: pathlib.Path) -> None:
        self.log_path = log_path
        command = [sys.executable, "-m", "bert_qa_tf.serve", f"--saved_model={saved_model}", "--port=0"]
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        lines = [self.process.stdout.readline() for _ in range(3)]
        if not lines[2]:
            sys.exit(f"serve did not start: {log_path.read_text(encoding='utf-8')}")
        self.address = urllib.parse.urlsplit(lines[2].split()[1])

    def connect(self) -> socket.socket:
        """Opens a connection."""
        return socket.create_connection((self.address.hostname, self.address.port), timeout=20)

    def ask(self, questions: Sequence[_Question]) -> list[dict]:
        """Returns the answers; raises an `OSError`, `HTTPException` or `ValueError` if there are none."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=120)
        try:
            connection.request("POST", self.address.path, json.dumps({"instances": questions}))
            reply = connection.getresponse()
            body = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(f"status {reply.status}: {body}")
        return body["predictions"]

    def megabytes(self) -> float:
        """The resident memory of the process, in MB."""
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def num_lines(self) -> int:
        """The requests in the log that were answered."""
        return sum(" 200 " in line and " POST " in line for line in self.log_path.open(encoding="utf-8"))


class Silent(threading.Thread):
    """Many connections that send nothing, or a byte now and then of headers or of a body; closed ones come again."""

    def __init__(self, server: Server, count: int) -> None:
        super().__init__(daemon=True)
        self.num_closed = 0
        self.stopping = threading.Event()
        self._server, self._count = server, count
        head = f"POST {server.address.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        self._beginnings = (b"", b"P", head.encode(), f"{head}\r\n{{".encode())
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Called in the thread."""
        for number in range(self._count):
            self._open(number)
        drips = time.monotonic() + _DRIP_SECS
        while not self.stopping.is_set():
            for key, _ in self._selector.select(0.2):
                self._reopen(key)
            if time.monotonic() > drips:
                drips += _DRIP_SECS
                self._drip()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()

    def _open(self, number: int) -> None:
        try:
            connection = self._server.connect()
            connection.sendall(self._beginnings[number % len(self._beginnings)])
        except OSError:
            connection = socket.socket()  # tried again when it is found to be closed
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, number)

    def _reopen(self, key: selectors.SelectorKey) -> None:
        try:
            is_open = bool(key.fileobj.recv(1000))
        except OSError:
            is_open = False
        if not is_open:
            self.num_closed += 1
            self._selector.unregister(key.fileobj)
            key.fileobj.close()
            self._open(key.data)

    def _drip(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data % len(self._beginnings):
                try:
                    key.fileobj.send(b"x")
                except OSError:
                    continue  # found to be closed in the next turn


class Clients:
    """The clients that ask, and what became of it."""

    def __init__(self, server: Server, pause_secs: float) -> None:
        self.counts: Counter[str] = Counter()
        self.small_secs: list[float] = []
        self._server, self._pause_secs = server, pause_secs
        self._questions = [*_questions(), _long_question()]
        self._expected = [server.ask([question])[0] for question in self._questions]
        self._lock = threading.Lock()

    def run(self, count: int, until: float) -> list[threading.Thread]:
        """Starts `count` clients, and the one with small requests, which end at a time of `time.monotonic()`."""
        threads = [threading.Thread(target=self._keep_asking, args=(number, until)) for number in range(count)]
        threads.append(threading.Thread(target=self._keep_asking_small, args=(until,)))
        for thread in threads:
            thread.start()
        return threads

    def time_small_alone(self, count: int, pause_secs: float) -> list[float]:
        """Sends the small request `count` times; returns the seconds until each reply."""
        secs = []
        for _ in range(count):
            time.sleep(pause_secs)
            secs.append(self.time_small())
        return secs

    def time_small(self) -> float:
        """Sends the small request; returns the seconds until its reply."""
        started = time.perf_counter()
        self._server.ask([_SMALL])
        return time.perf_counter() - started

    def _keep_asking(self, number: int, until: float) -> None:
        rng = random.Random(number)
        while time.monotonic() < until:
            if rng.random() < _LONG:
                chosen = [len(self._questions) - 1]
            else:
                chosen = rng.sample(range(len(self._questions) - 1), rng.choice((1, 1, 1, 4)))
            if rng.random() < _CUT_OFF:
                self._cut_off([self._questions[index] for index in chosen], rng)
            else:
                self._ask(chosen)
            time.sleep(rng.uniform(0, 2 * self._pause_secs))

    def _ask(self, chosen: list[int]) -> None:
        try:
            answers = self._server.ask([self._questions[index] for index in chosen])
        except (OSError, http.client.HTTPException, ValueError) as error:
            print(f"error: {error!r}", file=sys.stderr)
            self._count("errors")
            return
        self._count("requests")
        for index, answer in zip(chosen, answers, strict=True):
            expected = self._expected[index]
            is_same = all(answer[name] == expected[name] for name in ("answer", "answer_start"))
            self._count("answers" if is_same else "other answers")

    def _cut_off(self, questions: list[_Question], rng: random.Random) -> None:
        body = json.dumps({"instances": questions}).encode()
        path = self._server.address.path
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with self._server.connect() as connection:
            connection.sendall((head + body)[: rng.choice((10, len(head) + 5, len(head) + len(body)))])
            time.sleep(rng.random() / 10)
        self._count("cut off")

    def _keep_asking_small(self, until: float) -> None:
        while time.monotonic() < until:
            try:
                self.small_secs.append(self.time_small())
                self._count("requests")
            except (OSError, http.client.HTTPException, ValueError) as error:
                print(f"error: small request: {error!r}", file=sys.stderr)
                self._count("errors")
            time.sleep(_SMALL_PAUSE_SECS)

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


def _quantiles(secs: Sequence[float]) -> tuple[float, float]:
    """The median and the 95th percentile, in milliseconds."""
    ranked = sorted(secs)
    return 1e3 * statistics.median(ranked), 1e3 * ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]


def _memory(samples: Sequence[float]) -> tuple[float, float]:
    """Medians of a run's second sixth, minutes 5 to 15 of an hour or so, and its last."""
    sixth = max(1, len(samples) // 6)
    return statistics.median(samples[sixth : 2 * sixth] or samples), statistics.median(samples[-sixth:])


def _machine() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {os.cpu_count()} cores, load average beforehand {os.getloadavg()[0]:.1f}"


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saved_model", required=True, help="version folder of an export")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the clients ask")
    parser.add_argument("--clients", type=int, default=8, help="how many ask")
    parser.add_argument("--silent", type=int, default=400, help="how many connections are silent or slow")
    parser.add_argument("--pause_secs", type=float, default=1.0, help="mean pause of a client between two requests")
    parser.add_argument("--alone", type=int, default=60, help="small requests that are timed alone, before and after")
    parser.add_argument("--output_file", help="the report is written there, too")
    return parser.parse_args(argv)


def _watch(server: Server, threads: list[threading.Thread], seconds: float) -> list[float]:
    samples = []
    while any(thread.is_alive() for thread in threads):
        samples.append(server.megabytes())
        threads[0].join(min(_SAMPLE_SECS, max(0.1, seconds / 30)))
        if not threads[0].is_alive():
            for thread in threads:
                thread.join()
    return samples


def main(argv: Sequence[str] | None = None) -> int:
    """Runs it, prints the report, and returns an exit status."""
    values = _parse_arguments(argv)
    machine = _machine()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(values.saved_model, pathlib.Path(folder, "serve.log"))
        silent = Silent(server, values.silent)
        try:
            clients = Clients(server, values.pause_secs)
            without_pause = clients.time_small_alone(values.alone, 0)
            alone = clients.time_small_alone(values.alone, _SMALL_PAUSE_SECS)
            asked_before = server.num_lines()
            silent.start()
            seconds = 60 * values.minutes
            samples = _watch(server, clients.run(values.clients, time.monotonic() + seconds), seconds)
            silent.stopping.set()
            silent.join()
            time.sleep(1)
            logged = server.num_lines() - asked_before
            log_bytes = server.log_path.stat().st_size
            alone += clients.time_small_alone(values.alone, _SMALL_PAUSE_SECS)
            server.process.terminate()
            status = server.process.wait(timeout=60)
        finally:
            server.process.kill()
    counts = clients.counts
    (median, p95), (loaded_median, loaded_p95) = _quantiles(alone), _quantiles(clients.small_secs)
    hot_median, hot_p95 = _quantiles(without_pause)
    early, late = _memory(samples)
    is_met = loaded_median <= 2 * median
    report = f"""{machine}. {values.clients} clients that pause {values.pause_secs:g} s on average and
{values.silent} silent or slow connections for {values.minutes:g} minutes.

| | |
|---|---:|
| answers | {counts["answers"]:,} |
| other answers | {counts["other answers"]} |
| errors | {counts["errors"]} |
| requests cut off by their client | {counts["cut off"]:,} |
| silent or slow connections closed by the server | {silent.num_closed:,} |
| answered requests / with a line in the log | {counts["requests"]:,} / {logged:,} |
| log | {log_bytes / 1e6:.2f} MB |
| memory, second sixth / last sixth of the time | {early:,.0f} / {late:,.0f} MB |
| small request alone, one after the other, median / p95 | {hot_median:.1f} / {hot_p95:.1f} ms |
| small request alone, every second, median / p95 | {median:.1f} / {p95:.1f} ms |
| small request beside all that, every second, median / p95 | {loaded_median:.1f} / {loaded_p95:.1f} ms |
| median within twice its time alone | {"yes" if is_met else "no"} ({loaded_median / median:.2f} times) |
| exit status of the server | {status} |
"""
    print(report)
    if values.output_file:
        pathlib.Path(values.output_file).write_text(f"# What was measured\n\n{report}", encoding="utf-8")
    # The log may also hold requests that were cut off just after their reply was on its way.
    is_logged = counts["requests"] <= logged <= counts["requests"] + counts["cut off"]
    is_flat = late <= _MEMORY_GROWTH * early
    return int(bool(counts["errors"] or counts["other answers"] or status or not is_logged or not is_flat))


if __name__ == "__main__":
    sys.exit(main())
