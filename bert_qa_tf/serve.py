"""Serves an exported model over HTTP with the REST API of TF Serving, and a web page to try it.

python -m bert_qa_tf.serve --saved_model=exports/qa/1
python -m bert_qa_tf.serve --saved_model=exports/classification/1
python -m bert_qa_tf.serve --tf_serving=localhost:8501 --port=8080
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from absl import logging
from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import tokens

if TYPE_CHECKING:  # it imports TensorFlow
    from bert_qa_tf.serving.backends import Backend
    from bert_qa_tf.serving.recordings import Recordings
    from bert_qa_tf.serving.servable import Servable
    from bert_qa_tf.serving.server import ServerConfig
    from bert_qa_tf.tasks.base import Task

FLAG_GROUPS = (flags.define_serve, flags.define_trust, flags.define_served_recognizer)
_EXTRA = ("requests", "starlette", "uvicorn")


def main(values: FlagValues) -> None:
    """Serves requests until the process is told to stop."""
    if bool(values.saved_model) == bool(values.tf_serving):
        raise InputError("give one model: either --saved_model (an export) or --tf_serving (host:port)")
    try:
        from bert_qa_tf.serving import access, server
        from bert_qa_tf.serving.predict_request import Limits
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise InputError(f"serve needs {missing}, of the extra `serving`: pip install 'bert_qa_tf[serving]'") from error

    config = server.ServerConfig(
        values.host,
        values.port,
        tasks.find(tasks.DEFAULT_TASK).export_name if values.model_name is None else values.model_name,
        Limits(values.max_body_bytes, values.max_batch_size, values.max_context_chars, values.max_word_pieces),
        values.max_concurrent_calls,
        values.max_waiting,
        values.grace_secs,
        values.max_connections,
        values.receive_secs,
        tuple(values.allowed_hosts),
        tokens.read_token(values.token, values.token_file),
    )
    access.AccessRules(allowed_hosts=config.allowed_hosts)  # checks them before a model is loaded
    with server.bind(config.host, config.port) as listener:
        servable = _load_servable(values)
        task = servable and servable.task
        if values.model_name is None and task is not None:
            config = dataclasses.replace(config, model_name=task.export_name)
        backend = _backend(values, config, servable)
        recordings, told = _load_recordings(values, config, task, is_local=server.is_local(listener))
        url = server.base_url(listener)
        if not server.is_local(listener) and config.token is None:
            logging.warning(
                "--host=%s: everybody who can reach this machine can use this server; --token_file makes it ask for a "
                "secret",
                config.host,
            )
        with server.stop_signals() as stop:
            print(f"serving {backend.description}")
            print(f"  page     {url}/{f'  (recordings: {told})' if told else ''}")
            print(f"  predict  {url}/v1/models/{config.model_name}:predict", flush=True)
            server.run(backend, config, listener, recordings, stop)
    print("stopped")


def _load_recordings(
    values: FlagValues, config: ServerConfig, task: type[Task] | None, *, is_local: bool
) -> tuple[Recordings | None, str]:
    """The recogniser of recordings, or None, with a short description, which is empty if the task has no recordings."""
    from bert_qa_tf.serving.recordings import Recordings, RecordingsConfig
    from bert_qa_tf.speech import processes
    from bert_qa_tf.speech.recordings.recognizer import check_installed

    if task is not None and not task.asks_timed_text:
        if values["recognizer"].present and values.recognizer != "none":
            raise InputError(f"--recognizer: a model of the task {task.name} reads no recordings")
        return None, ""
    limits = (values.max_audio_bytes, values.max_audio_secs, values.max_recordings, values.receive_secs)
    recordings_config = RecordingsConfig(flags.recognizer_config(values), *limits)
    if values.recognizer == "none":
        return None, "played, not recognised"
    if values.recognizer == "auto" and not is_local:
        return None, "played, not recognised: others can reach this server, so --recognizer has to name what does"
    recognizer = recordings_config.recognizer
    try:
        check_installed(recognizer)
        if values.recognizer != "auto":
            # It is loaded in a separate process, like for each recording, so that no model stays in this one's memory.
            processes.Call(functools.partial(_check_loading, recognizer)).wait()
    except InputError as error:
        if values.recognizer != "auto":
            raise
        return None, f"played, not recognised: {error}"
    except processes.DiedError as error:
        raise InputError(f"--recognizer={recognizer.name}: it cannot be loaded") from error
    return Recordings(recordings_config, config.limits), f"recognised by {recognizer.name}"


def _check_loading(recognizer: RecognizerConfig) -> None:
    from bert_qa_tf.speech.recordings.recognizer import load_recognizer

    load_recognizer(recognizer)


def _load_servable(values: FlagValues) -> Servable | None:
    """Loads the model; None if a TF Serving has it."""
    if values.tf_serving:
        return None
    from bert_qa_tf.serving.servable import Servable

    servable = Servable(values.saved_model, trust=values.trust)
    servable.warm_up()
    if servable.task is None or servable.task.page is None:
        logging.warning("%s: the page cannot ask this model, requests below /v1 can", values.saved_model)
    return servable


def _backend(values: FlagValues, config: ServerConfig, servable: Servable | None) -> Backend:
    from bert_qa_tf.serving import backends

    if servable is None:
        return backends.RemoteServing(values.tf_serving, config.model_name, values.timeout_secs)
    return backends.LocalModel(servable, config.model_name, config.limits)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
