"""A server in a thread of the test's own process, on a free port."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator

from bert_qa_tf.serving import request_log, server
from bert_qa_tf.serving.backends import HttpReply, HttpRequest
from bert_qa_tf.tasks.base import Task
from bert_qa_tf.tasks.question_answering.task import QuestionAnswering


class FakeBackend:
    """Answers by calling a function, and keeps what it was asked; `of_task` is what its model is for."""

    description = "a fake"

    def __init__(
        self,
        function: Callable[[HttpRequest], HttpReply],
        concurrent_calls: int = 2,
        of_task: type[Task] | None = QuestionAnswering,
    ) -> None:
        self.concurrent_calls = concurrent_calls
        self._task = of_task
        self.requests: list[HttpRequest] = []
        self._function = function

    def task(self) -> type[Task] | None:
        return self._task

    def is_quick(self, method: str) -> bool:
        return method == "GET"

    def answer(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        return self._function(request)


@contextlib.contextmanager
def running(backend, recordings=None, stream=None, **settings) -> Iterator[str]:
    """Serves `backend`, and what recognises recordings, and yields `http://host:port`; `stream` gets the log."""
    config = server.ServerConfig(port=0, **settings)
    application = server.Application(backend, config, recordings)
    log = request_log.RequestLog(stream or io.StringIO())
    with server.bind(config.host, config.port) as listener:
        url = server.base_url(listener)
        web = server.Web(application, config, log)
        thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: web.started)
            yield url
        finally:
            web.should_exit = True
            thread.join()
            application.close()
            log.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
