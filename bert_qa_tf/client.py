"""Sends one question or sentence, or a file of them, to a model on TF Serving or `serve`, over REST or gRPC.

A recording is recognised on this machine; only its words are sent to the server.

python -m bert_qa_tf.client --server=localhost:8501 --question="who called" --context_file=call.txt
python -m bert_qa_tf.client --server=localhost:8501 --question="who called" --transcript_file=call.vtt
python -m bert_qa_tf.client --server=grpc://localhost:8500 --input_file=questions.jsonl --output_file=answers.jsonl
python -m bert_qa_tf.client --server=localhost:8501 --text="a gripping film"
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags, tasks
from bert_qa_tf.errors import InputError

FLAG_GROUPS = (
    flags.define_client,
    *(flags.option_group(f"{task.title}: input", task.request_config) for task in tasks.all_tasks()),
    flags.define_prediction,
    flags.define_transcript,
    flags.define_odd_items,
    flags.define_recording,
    flags.define_recognizer,
)


def main(values: FlagValues) -> None:
    """Sends the request, and prints or writes the answers."""
    from bert_qa_tf.serving_client.client import Client
    from bert_qa_tf.serving_client.connection import Connection, parse_header
    from bert_qa_tf.serving_client.retries import RetryPolicy
    from bert_qa_tf.speech import text_sources
    from bert_qa_tf.storage.tokens import read_token
    from bert_qa_tf.tasks import answer_files

    answer_files.check_output(values.output_file, flags.input_paths(values), values.overwrite)
    task = tasks.find(values.task) if values.task else flags.task_of_request(values, tasks.all_tasks())
    export_name = (task or tasks.find(tasks.DEFAULT_TASK)).export_name
    headers = [parse_header(header) for header in values.header]
    token = read_token(values.token, values.token_file)
    if any(name.lower() == "authorization" for name, _ in headers):
        if values.token is not None or values.token_file is not None:
            raise InputError("--header: give either Authorization or --token, --token_file")
    elif token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    connection = Connection(
        server=values.server,
        model_name=export_name if values.model_name is None else values.model_name,
        model_version=values.model_version,
        model_version_label=values.model_version_label,
        headers=tuple(headers),
        ca_file=values.ca_file,
        client_cert_file=values.client_cert_file,
        client_key_file=values.client_key_file,
    )
    retry = RetryPolicy(values.max_attempts, values.timeout_secs, values.deadline_secs)
    config = flags.timed_text_config(values)
    readers = text_sources.readers(values.transcript_file, values.audio, config, cli.line_printer(values))
    with Client(connection, retry, values.batch_size, task) as client:
        request = flags.read_request(values, client.task, tasks.all_tasks(), readers)
        request.answer_with(client)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
