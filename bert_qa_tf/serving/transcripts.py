"""Reads the transcripts of `POST /transcript`: short ones in a thread, longer ones in a process of their own.

A file of some megabytes can hold millions of words, which take minutes and gigabytes. A process can be stopped, can
have limits, and does not hold up the threads that answer questions.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import os
import tempfile

from starlette.requests import ClientDisconnect, Request

from bert_qa_tf.serving import other_process
from bert_qa_tf.serving.backends import HttpReply
from bert_qa_tf.serving.other_process import SharedFile
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.serving.transcript_request import shown_name, transcript_reply
from bert_qa_tf.speech import processes
from bert_qa_tf.storage import packed_text

# Hours of speech in most formats. At worst, reading so much takes a second.
_SHORT_BYTES = 2**18
# Several times what the longest text takes that the server accepts by default.
_MEMORY_BYTES = 2**30
_CPU_SECS = 30
_MAX_WAITING = 8


class Transcripts:
    """Reads long transcripts, one at a time.

    Args:
      limits: the limits on the text.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._waiters = concurrent.futures.ThreadPoolExecutor(1, "reading")

    def close(self) -> None:
        """Waits for the thread. The process that it waits for is stopped when its request ends."""
        self._waiters.shutdown()

    def is_short(self, content: bytes) -> bool:
        """Returns whether a transcript may be read in a thread."""
        return packed_text.holds_at_most(content, _SHORT_BYTES)

    async def read_long(
        self, request: Request, content: bytes, name: str, recording: str | None, encoding: str | None
    ) -> HttpReply:
        """Reads a transcript in a process of its own; see `transcript_reply`.

        Raises:
          RestError: reading takes too long or too much memory, or too many transcripts wait.
          ClientDisconnect: the client disconnected.
        """
        if self._waiting >= _MAX_WAITING:
            raise RestError(503, f"{self._waiting} long transcripts are waiting already; try again later")
        self._waiting += 1
        try:
            async with self._turn:
                if await request.is_disconnected():
                    raise ClientDisconnect  # while it waited
                return await self._read(request, content, name, recording, encoding)
        finally:
            self._waiting -= 1

    async def _read(
        self, request: Request, content: bytes, name: str, recording: str | None, encoding: str | None
    ) -> HttpReply:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            work = functools.partial(_read_file, SharedFile(file.fileno()), name, recording, self._limits, encoding)
            try:
                status, body = await other_process.call(
                    request,
                    self._waiters,
                    work,
                    stopped="The server is stopping, and stopped reading the transcript",
                    max_memory_bytes=_MEMORY_BYTES,
                    max_cpu_secs=_CPU_SECS,
                )
            except processes.DiedError as error:
                message = (
                    f"{shown_name(name, 'transcript')}: reading it failed, or took more than {_CPU_SECS} s or "
                    f"{_MEMORY_BYTES // 2**20} MiB"
                )
                raise RestError(400, message) from error
        return HttpReply(status, body)


def _read_file(
    file: SharedFile, name: str, recording: str | None, limits: Limits, encoding: str | None
) -> tuple[int, bytes]:
    with open(os.dup(file.descriptor), "rb") as opened:
        opened.seek(0)
        content = opened.read()
    return transcript_reply(content, name, recording, limits, encoding)
