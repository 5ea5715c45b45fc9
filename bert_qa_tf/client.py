"""Asks a TF Serving, or `serve`, over REST or gRPC: one question, or a file of them.

A recording is recognised here; the server only gets its words.

python -m bert_qa_tf.client --server=localhost:8501 --question="who called" --context_file=call.txt
python -m bert_qa_tf.client --server=localhost:8501 --question="who called" --transcript_file=call.vtt
python -m bert_qa_tf.client --server=grpc://localhost:8500 --input_file=questions.jsonl --output_file=answers.jsonl
"""

from __future__ import annotations

from absl.flags import FlagValues

from bert_qa_tf import cli, flags

FLAG_GROUPS = (
    flags.define_client,
    flags.define_prediction,
    flags.define_transcript,
    flags.define_recording,
    flags.define_recognizer,
)


def main(values: FlagValues) -> None:
    """Asks and prints, or writes, what was answered."""
    from bert_qa_tf.serving_client.client import Client
    from bert_qa_tf.serving_client.connection import Connection, parse_header
    from bert_qa_tf.serving_client.retries import RetryPolicy
    from bert_qa_tf.speech import spoken_files
    from bert_qa_tf.tasks.question_answering.request import Asked

    config = flags.spoken_text_config(values)
    readers = spoken_files.readers(values.transcript_file, values.audio, config, cli.line_printer(values))
    asked = Asked(**flags.asked_fields(values), spoken=readers)
    connection = Connection(
        server=values.server,
        model_name=values.model_name,
        model_version=values.model_version,
        model_version_label=values.model_version_label,
        headers=tuple(parse_header(header) for header in values.header),
        ca_file=values.ca_file,
        client_cert_file=values.client_cert_file,
        client_key_file=values.client_key_file,
    )
    retry = RetryPolicy(values.max_attempts, values.timeout_secs, values.deadline_secs)
    asked.read_text()
    with Client(connection, retry, values.batch_size) as client:
        asked.answer_with(client)


if __name__ == "__main__":
    cli.run(main, __doc__, FLAG_GROUPS)
