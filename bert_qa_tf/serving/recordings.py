"""Recognises the speech in recordings that the page sends with `POST /transcribe`.

The request's body is the recording. The reply is that of `POST /transcript` for a transcript with times.

Each recording is recognised in a separate process, for three reasons: decoding an untrusted file cannot harm the
server, a recogniser that holds Python's global lock for seconds does not delay other requests, and the work can be
stopped when the client disconnects.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import Response

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import bodies, other_process
from bert_qa_tf.serving.other_process import SharedFile
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.serving.transcript_request import shown_name, transcript_body
from bert_qa_tf.speech import processes
from bert_qa_tf.speech.recordings.transcribing import suitable_processes, transcribe
from bert_qa_tf.speech.transcripts.transcript import Transcript

# Recordings that are received at the same time, beyond those that can be recognised; they take room on the disk.
_MORE_RECEIVED = 7
_BUSY = "Another recording is being recognised; try again later"
# Of a recogniser's process. What pocketsphinx needs does not depend on the recording; Whisper's models have any size.
_MEMORY_BYTES = {"pocketsphinx": 4 * 2**30}
# Several times what the slowest recogniser takes on a slow machine, for each second of sound that is accepted.
_CPU_SECS_PER_SEC = 20


@dataclasses.dataclass(frozen=True)
class RecordingsConfig:
    """How recordings are recognised, and the limits of the work.

    Attributes:
      recognizer: the recogniser and its settings.
      max_audio_bytes: the size of a recording; a larger one gets status 413.
      max_audio_secs: the duration of a recording; a longer one gets status 400.
      max_recordings: the number of recordings that are recognised at the same time; further ones are refused with
        status 503.
      receive_secs: see `bodies.receive_body`.
    """

    recognizer: RecognizerConfig = RecognizerConfig()
    max_audio_bytes: int = 256 * 2**20
    max_audio_secs: int = 2 * 3600
    max_recordings: int = 1
    receive_secs: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_audio_bytes", "max_audio_secs", "max_recordings"):
            if getattr(self, name) < 1:
                raise InputError(f"--{name} must be at least 1, got {getattr(self, name)}")


class Recordings:
    """Handles the requests to recognise recordings.

    Args:
      config: see `RecordingsConfig`.
      limits: the limits on the recognised text.
      recognise: a function like `speech.recordings.transcribing.transcribe`; it is called in another process.
    """

    def __init__(
        self, config: RecordingsConfig, limits: Limits, recognise: Callable[..., Transcript] = transcribe
    ) -> None:
        self.config = config
        self._limits = limits
        self._recognise = recognise
        self._receiving = self._recognising = 0
        self._waiters = concurrent.futures.ThreadPoolExecutor(config.max_recordings, "recognising")

    def close(self) -> None:
        """Waits for the threads. The recognition that a thread waits for is stopped when its request ends."""
        self._waiters.shutdown()

    async def serve(self, request: Request) -> Response:
        """Answers `POST /transcribe`: the body is the recording, and the query has its name."""
        name = shown_name(request.query_params.get("name", ""), "recording")
        # The file has no name: nothing is left of it, however this process ends.
        with tempfile.TemporaryFile() as file:
            try:
                await self._receive(request, file)
                return await self._reply(request, file, name)
            except RestError as error:
                headers = {"retry-after": "10"} if error.status == 503 else {"connection": "close"}
                return bodies.error_response(error, headers)

    async def _receive(self, request: Request, file: BinaryIO) -> None:
        """Receives a recording. It takes no recogniser's place before it is complete."""
        config = self.config
        if self._recognising >= config.max_recordings:
            await bodies.drop_body(request, config.max_audio_bytes)
            raise RestError(503, _BUSY)
        if self._receiving >= config.max_recordings + _MORE_RECEIVED:
            await bodies.drop_body(request, config.max_audio_bytes)
            raise RestError(503, "Too many recordings are being received; try again later")
        self._receiving += 1
        try:
            await bodies.receive_body(request, file.write, config.max_audio_bytes, config.receive_secs)
            file.flush()
        finally:
            self._receiving -= 1

    async def _reply(self, request: Request, file: BinaryIO, name: str) -> Response:
        config = self.config
        if self._recognising >= config.max_recordings:
            raise RestError(503, _BUSY)
        work = functools.partial(
            _recognise_file,
            self._recognise,
            SharedFile(file.fileno()),
            name,
            config.recognizer,
            num_processes=suitable_processes(config.recognizer),
            max_secs=config.max_audio_secs,
        )
        self._recognising += 1
        try:
            transcript = await other_process.call(
                request,
                self._waiters,
                work,
                stopped="The server is stopping, and stopped recognising",
                max_memory_bytes=_MEMORY_BYTES.get(config.recognizer.name),
                max_cpu_secs=_CPU_SECS_PER_SEC * config.max_audio_secs,
            )
        except InputError as error:
            raise RestError(400, str(error)) from error
        except processes.DiedError as error:
            raise RestError(500, f"{name}: recognising it failed; the server's log has more") from error
        finally:
            self._recognising -= 1
        note = (
            f"{len(transcript.words):,} words heard in {transcript.duration_secs or 0:.1f} s of sound by "
            f"{config.recognizer.name}"
        )
        if transcript.damage:
            note += f"; {transcript.damage}"
        return bodies.json_response(
            *transcript_body(name, config.recognizer.name, note, transcript.text, transcript, self._limits)
        )


def _recognise_file(
    recognise: Callable[..., Transcript], file: SharedFile, name: str, config: RecognizerConfig, **options: Any
) -> Transcript:
    """Recognises an open file; called in the process that recognises. Messages give it the client's name."""
    try:
        return recognise(file.path, config, **options)
    except InputError as error:
        raise InputError(str(error).replace(file.path, name)) from error
