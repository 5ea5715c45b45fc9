"""Recognises the speech in recordings that the page sends with `POST /transcribe`.

The request's body is the recording. The reply is that of `POST /transcript` for a transcript with times.

Each recording is recognised in a separate process, for three reasons: decoding an untrusted file cannot harm the
server, a recogniser that holds Python's global lock for seconds does not delay other requests, and the work can be
stopped when the client disconnects.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import bodies
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.serving.transcript_request import shown_name, transcript_body
from bert_qa_tf.speech import processes
from bert_qa_tf.speech.recordings.transcribing import suitable_processes, transcribe
from bert_qa_tf.speech.transcripts.transcript import Transcript

# Recognition has a lower priority than answering, which is quick and which other clients wait for.
_NICENESS = 10
# A client that sends nothing for this long is refused, because it takes the place of other clients.
_PATIENCE_SECS = 60
_LOOKS_FOR_CLIENT_EVERY_SECS = 0.5
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
      max_recordings: the number of recordings that are received and recognised at the same time; further ones are
        refused with status 503.
    """

    recognizer: RecognizerConfig = RecognizerConfig()
    max_audio_bytes: int = 256 * 2**20
    max_audio_secs: int = 2 * 3600
    max_recordings: int = 1

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
        self._in_hand = 0
        self._waiters = concurrent.futures.ThreadPoolExecutor(config.max_recordings, "recognising")

    def close(self) -> None:
        """Waits for the threads. The recognition that a thread waits for is stopped when its request ends."""
        self._waiters.shutdown()

    async def serve(self, request: Request) -> Response:
        """Answers `POST /transcribe`: the body is the recording, and the query has its name."""
        config = self.config
        name = shown_name(request.query_params.get("name", ""), "recording")
        is_busy = self._in_hand >= config.max_recordings
        self._in_hand += not is_busy
        try:
            if is_busy:
                await bodies.drop_body(request, config.max_audio_bytes, _PATIENCE_SECS)
                raise RestError(503, "Another recording is being recognised; try again later")
            with tempfile.TemporaryDirectory(prefix="bert_qa_tf_") as folder:
                path = os.path.join(folder, "recording")  # a fixed name, because the client's name is untrusted
                with open(path, "wb") as file:
                    await bodies.receive_body(request, file.write, config.max_audio_bytes, _PATIENCE_SECS)
                return await self._reply(request, path, name)
        except RestError as error:
            return bodies.error_response(error, {"retry-after": "10"} if is_busy else {"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=bodies.CLIENT_GONE)
        finally:
            self._in_hand -= not is_busy

    async def _reply(self, request: Request, path: str, name: str) -> Response:
        config = self.config
        work = functools.partial(
            self._recognise,
            path,
            config.recognizer,
            num_processes=suitable_processes(config.recognizer),
            max_secs=config.max_audio_secs,
        )
        try:
            transcript = await self._call(request, work)
        except InputError as error:
            raise RestError(400, str(error).replace(path, name)) from error
        except processes.DiedError as error:
            raise RestError(500, f"{name}: recognising it failed; the server's log has more") from error
        if transcript is None:
            return Response(status_code=bodies.CLIENT_GONE)
        note = (
            f"{len(transcript.words):,} words heard in {transcript.duration_secs or 0:.1f} s of sound by "
            f"{config.recognizer.name}"
        )
        if transcript.damage:
            note += f"; {transcript.damage}"
        return bodies.json_response(
            *transcript_body(name, config.recognizer.name, note, transcript.text, transcript, self._limits)
        )

    async def _call(self, request: Request, work: Callable[[], Transcript]) -> Transcript | None:
        """Returns the result of `work` in another process; None if the client disconnected and the work was stopped."""
        call = processes.Call(
            work,
            _NICENESS,
            max_memory_bytes=_MEMORY_BYTES.get(self.config.recognizer.name),
            max_cpu_secs=_CPU_SECS_PER_SEC * self.config.max_audio_secs,
        )
        waiting = asyncio.get_running_loop().run_in_executor(self._waiters, call.wait)
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=_LOOKS_FOR_CLIENT_EVERY_SECS)
                if not waiting.done() and await request.is_disconnected():
                    return None
            return waiting.result()
        except asyncio.CancelledError as error:
            # The server's grace period is over. The client gets an error reply instead of a closed connection.
            raise RestError(503, "The server is stopping, and stopped recognising") from error
        finally:
            # Nothing may be awaited here: a stopping server cancels twice, and after the second time there is no reply.
            call.stop()
            waiting.cancel()
