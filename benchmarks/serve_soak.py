"""Tests `serve` under load: many clients send requests at once, one of them always disconnects, answers are compared.

    python benchmarks/serve_soak.py exports/qa/1 [SECONDS]

The script starts `serve` in its own process. Seven clients ask different questions about different texts, alone and in
batches, and compare each answer with the one the model gave to that question beforehand. The eighth closes its
connections while it sends the body or waits for the answer. At the end SIGTERM must end the server with status 0. The
script prints one line, and exits with status 1 if anything except the eighth client's own requests failed.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter

_CLIENTS = 8
_TOPICS = ("clinic", "harbor", "bakery", "station", "library", "garden", "theater", "airport", "market", "museum")
_Question = dict[str, str]


def _questions() -> list[_Question]:
    texts = [
        f"{'😀 ' * (number % 3)}{'and then we talked about the weather for a while ' * (number * number)}"
        f"the {topic} opens at {number + 1} and its front desk is behind the {_TOPICS[number - 1]} on the second floor "
        f"{'and so on and so forth ' * number}"
        for number, topic in enumerate(_TOPICS)
    ]
    asked = ("when does it open", "where is the front desk")
    return [{"question": question, "context": text} for text in texts for question in asked]


class Soak:
    """The state that the clients share."""

    def __init__(self, address: urllib.parse.SplitResult, seconds: float) -> None:
        self.counts: Counter[str] = Counter()
        self._address = address
        self._questions = _questions()
        self._expected = [self._ask([question])[0] for question in self._questions]
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()

    def run(self) -> None:
        """Runs all clients until the time is over."""
        jobs = [self._keep_asking] * (_CLIENTS - 1) + [self._keep_leaving]
        threads = [threading.Thread(target=job, args=(number,)) for number, job in enumerate(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _keep_asking(self, number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < self._deadline:
            chosen = rng.sample(range(len(self._questions)), rng.choice((1, 1, 1, 4)))
            try:
                answers = self._ask([self._questions[index] for index in chosen])
            except (OSError, http.client.HTTPException, ValueError) as error:
                print(f"client {number}: {error!r}", file=sys.stderr)
                self._count("errors")
                continue
            for index, answer in zip(chosen, answers, strict=True):
                same = (answer["answer"], answer["answer_start"]) == (
                    self._expected[index]["answer"],
                    self._expected[index]["answer_start"],
                )
                self._count("answers" if same else "other answers")

    def _keep_leaving(self, number: int) -> None:
        rng = random.Random(number)
        while time.monotonic() < self._deadline:
            body = json.dumps({"instances": [rng.choice(self._questions)]}).encode()
            head = f"POST {self._address.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            with socket.create_connection((self._address.hostname, self._address.port)) as connection:
                connection.sendall((head + body)[: rng.choice((10, len(head) + 5, len(head) + len(body)))])
                time.sleep(rng.random() / 10)
            self._count("cut off")

    def _ask(self, questions: list[_Question]) -> list[dict]:
        connection = http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=120)
        try:
            connection.request("POST", self._address.path, json.dumps({"instances": questions}))
            reply = connection.getresponse()
            body = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(f"status {reply.status}: {body}")
        return body["predictions"]

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


def main(saved_model: str, seconds: float) -> int:
    """Runs it, prints the counts, and returns an exit status."""
    command = [sys.executable, "-m", "bert_qa_tf.serve", f"--saved_model={saved_model}", "--port=0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        [*_, last] = [server.stdout.readline() for _ in range(3)]
        time.sleep(1)  # it says where it will listen just before it does
        soak = Soak(urllib.parse.urlsplit(last.split()[1]), seconds)
        soak.run()
        server.terminate()
        status = server.wait(timeout=60)
    finally:
        server.kill()
    counts = ", ".join(f"{soak.counts[what]} {what}" for what in ("answers", "other answers", "errors", "cut off"))
    print(f"{_CLIENTS} clients for {seconds:g} s: {counts}; the server ended with status {status}")
    return int(bool(soak.counts["errors"] or soak.counts["other answers"] or status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 120))
