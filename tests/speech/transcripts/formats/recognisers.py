"""Reads recognisers' JSON that tests write."""

import json

from bert_qa_tf.speech.transcripts.reader import parse_transcript


def read(value, name="call.json", **options):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return parse_transcript(text.encode(), name, **options)


def seen(value, **options):
    """The format, and each word with its times; of a speaker, too."""
    file = read(value, **options)
    words = [(word.text, word.start_secs, word.end_secs) for word in file.transcript.words]
    return file.file_format, words


def speakers(value):
    return [(word.text, word.speaker) for word in read(value).transcript.words]


def timed(text, start, end, **more):
    return {"word": text, "start": start, "end": end, **more}
