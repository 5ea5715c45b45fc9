"""`POST /transcribe`: recordings that the page sends, recognised here.

What goes in: a recording as the body of a request. What comes out: the reply that `POST /transcript` gives for a
transcript with times.

Each recording is recognised in a process of its own: neither decoding foreign files nor a recogniser that holds
Python's lock for seconds can harm the answers that are given meanwhile, and it can be stopped when nobody waits for it
any more.
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

# Answering goes first: it is what others wait for, and takes a moment.
_NICENESS = 10
# Whoever sends nothing for so long holds up those who would.
_PATIENCE_SECS = 60
_LOOKS_FOR_CLIENT_EVERY_SECS = 0.5


@dataclasses.dataclass(frozen=True)
class RecordingsConfig:
    """How recordings are recognised, and how much is taken on.

    Attributes:
      recognizer: which recogniser.
      max_audio_bytes: of a recording, as it is sent; more is status 413.
      max_audio_secs: of sound, however well it is packed; more is status 400.
      max_recordings: received and recognised at the same time; more are refused with status 503.
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
    """Recognises recordings for whoever sends them.

    Args:
      config: see `RecordingsConfig`.
      limits: how long the text may be.
      recognise: as `speech.recordings.transcribing.transcribe`, to be called in another process.
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
        """Waits for its threads; what they waited for is stopped when its request ends."""
        self._waiters.shutdown()

    async def serve(self, request: Request) -> Response:
        """Answers `POST /transcribe`: the recording is the body, its name the query's."""
        config = self.config
        name = shown_name(request.query_params.get("name", ""), "recording")
        is_busy = self._in_hand >= config.max_recordings
        self._in_hand += not is_busy
        try:
            if is_busy:
                await bodies.drop_body(request, config.max_audio_bytes, _PATIENCE_SECS)
                raise RestError(503, "Another recording is being recognised; try again later")
            with tempfile.TemporaryDirectory(prefix="bert_qa_tf_") as folder:
                path = os.path.join(folder, "recording")  # its own name is the client's to choose
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
        return bodies.json_response(
            *transcript_body(name, config.recognizer.name, note, transcript.text, transcript, self._limits)
        )

    async def _call(self, request: Request, work: Callable[[], Transcript]) -> Transcript | None:
        """The result of `work` in another process; None where the client went away, and the work was stopped."""
        call = processes.Call(work, _NICENESS)
        waiting = asyncio.get_running_loop().run_in_executor(self._waiters, call.wait)
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=_LOOKS_FOR_CLIENT_EVERY_SECS)
                if not waiting.done() and await request.is_disconnected():
                    return None
            return waiting.result()
        except asyncio.CancelledError as error:
            # The server waited for as long as it may; whoever waits for the reply is better told than cut off.
            raise RestError(503, "The server is stopping, and stopped recognising") from error
        finally:
            # Nothing is awaited from here on: a server that stops cancels twice, and the second time there is no reply.
            call.stop()
            waiting.cancel()
