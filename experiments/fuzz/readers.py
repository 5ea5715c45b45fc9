"""What is fuzzed of files that users bring, and of requests: samples, and what reads them.

A reader is called with the content of an input and a folder that it may write to. It may raise `InputError` and, for
requests and replies, the errors that the server and the client turn into answers.
"""

from __future__ import annotations

import collections
import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import tarfile
import wave
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bert_qa_tf import cli, odd_items
from bert_qa_tf.asr_simulation.error_table import load_table, table_from_json
from bert_qa_tf.asr_simulation.pronunciations import read_dictionary
from bert_qa_tf.config import CleaningConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.exporting import archive
from bert_qa_tf.serving import json_tensor, predict_request, rest, transcript_request
from bert_qa_tf.serving.predict_request import Limits, TensorSpec
from bert_qa_tf.serving_client import rest_transport
from bert_qa_tf.serving_client.retries import AttemptFailed
from bert_qa_tf.speech.recordings import audio
from bert_qa_tf.speech.spoken_dataset.speak_and_recognize import Heard
from bert_qa_tf.speech.transcripts import writers
from bert_qa_tf.speech.transcripts.cleaned_transcript import TranscriptReader
from bert_qa_tf.speech.transcripts.cleaning import clean
from bert_qa_tf.speech.transcripts.reader import INPUT_FORMATS, TEXT_FORMATS, parse_transcript
from bert_qa_tf.storage import files
from bert_qa_tf.storage.http_exchange import Reply
from bert_qa_tf.tasks.base import ReplyError
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.reader import read_examples
from bert_qa_tf.tasks.classification.task import Classification
from bert_qa_tf.tasks.question_answering import answer_files, columns, metrics, question_files, validation
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import input_formats, squad_reader
from bert_qa_tf.tasks.single_text.lines import read_json_lines
from bert_qa_tf.text.verbalization import verbalize_sentences

_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_TESTDATA = _REPOSITORY / "tests" / "testdata"
ALLOWED = (InputError, rest.RestError, ReplyError, AttemptFailed)


@dataclasses.dataclass(frozen=True)
class Target:
    """One thing that is fuzzed.

    Attributes:
      name: as in the table of results.
      samples: what is damaged.
      read: reads one input.
      share: of all inputs, as a weight.
    """

    name: str
    samples: list[bytes]
    read: Callable[[bytes, pathlib.Path], object]
    share: float = 1.0


def targets(cases: Iterable[pathlib.Path]) -> list[Target]:
    """Returns the readers of users' files and requests.

    Args:
      cases: folders with more samples.
    """
    more = [path for folder in cases for path in sorted(folder.rglob("*")) if path.is_file()]
    transcripts = _contents([*sorted((_TESTDATA / "transcripts").glob("call.*")), *_below(more, "transcripts")])
    transcripts.append(gzip.compress((_TESTDATA / "transcripts" / "call.srt").read_bytes(), mtime=0))
    rows = _contents([path for path in _below(more, "squad") if path.suffix in (".json", ".jsonl", ".gz")])
    forms = _squad_forms()
    squad = [*[_small_squad()] * max(1, len(rows) + len(forms)), *rows, *forms]
    text = [
        b"Ann: it is, um, on [Music] Monday [00:01:02] Bob: No, no. Speaker 1: hm. - Yes. >> (laughs) OK\n0:01\n",
        b"The U.S. paid $2.50 million in May 1998, 1,234,567 of 3/4 at 9:30 a.m. on the 22nd, call 555-0100. '80s 5%.",
    ]
    tables = _tables()
    return [
        Target("transcripts, any format", transcripts, _transcript(None), 3.0),
        Target("transcripts, a given format", transcripts, _transcript(INPUT_FORMATS), 3.0),
        Target("cleaning of text", text, _cleaning, 2.0),
        Target("spoken forms of text", text, _spoken_forms, 2.0),
        Target("SQuAD form", squad, _squad, 5.0),
        *(
            Target(f"questions, {name}", [content], _table_of_questions(name), 2.0)
            for name, content in _spoken().items()
        ),
        Target("questions, JSON lines", [*[_questions()] * len(squad), *squad], _question_lines, 3.0),
        *(Target(f"labelled sentences, {ending}", [rows], _table(ending), 1.5) for ending, rows in tables.items()),
        Target("texts, JSON lines", [tables["jsonl"]], _texts, 1.0),
        Target("predictions", [json.dumps({"a": "nora", "b": "", "c": "at six"}).encode()], _predictions, 1.0),
        Target("parts of spoken data", [_heard()], _spoken_part, 1.5),
        Target("pronunciations", [b";;; CMU\ncat K AE T\ncat(2) K AH T\nnora N AO R AH\n"], _dictionary, 1.0),
        Target("error tables", [load_table().to_json().encode()], _error_table, 1.5),
        Target("flagfiles", [b"# how\n--seed=1\n--learning_rate=3e-5\n--flagfile=other.flags\n"], _flagfile, 1.0),
        Target("recordings (headers)", _recordings(), _recording, 0.3),
        Target("HTTP: bodies of predict", _bodies(), _predict, 4.0),
        Target("HTTP: paths", _paths(), _path, 1.5),
        Target("HTTP: bodies of transcript", transcripts, _http_transcript, 2.0),
        Target("replies, questions", [_reply()], _question_reply, 1.5),
        Target("replies, labels", [_label_reply()], _label_columns, 1.0),
        Target("replies, any", [_reply(), b'{"error": "no"}'], _any_reply, 1.0),
        Target("archives", _archives(), _archive, 0.5),
    ]


def _contents(paths: Iterable[pathlib.Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths if path.stat().st_size < 100_000]


def _below(paths: Iterable[pathlib.Path], folder: str) -> list[pathlib.Path]:
    return [path for path in paths if folder in path.parts]


def _written(folder: pathlib.Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


# === Transcripts and text ===


# Each name often enough; the ending is a hint of the format.
_NAMES = (*(f"call.{ending}" for ending in ("json", *TEXT_FORMATS)), "call", "call.srt.gz")


def _transcript(formats: Sequence[str] | None) -> Callable[[bytes, pathlib.Path], object]:
    def read(content: bytes, _: pathlib.Path) -> None:
        digest = hashlib.blake2b(content, digest_size=2).digest()
        file_format = formats[digest[0] % len(formats)] if formats else None
        name = _NAMES[digest[1] % len(_NAMES)]
        file = parse_transcript(content, name, file_format)
        file.describe()
        _clean(file.transcript.text)
        for output_format in writers.OUTPUT_FORMATS:
            try:
                text = writers.format_transcript(file.transcript, output_format)
            except InputError:
                continue
            text.encode("utf-8")
            if file.transcript.words:
                parse_transcript(text.encode("utf-8"), f"call.{output_format}", output_format)

    return read


def _cleaning(content: bytes, _: pathlib.Path) -> None:
    _clean(content.decode("utf-8", "replace"))


def _spoken_forms(content: bytes, _: pathlib.Path) -> None:
    verbalize_sentences(content.decode("utf-8", "replace"))


def _clean(text: str) -> None:
    cleaned = clean(text, CleaningConfig())
    assert all(cleaned.text[i] == text[place] for i, place in enumerate(cleaned.kept[:200]))


def _http_transcript(content: bytes, _: pathlib.Path) -> None:
    status, body = transcript_request.transcript_reply(content, "call", None, Limits())
    assert status in (200, 400)
    json.loads(body)


def _dictionary(content: bytes, folder: pathlib.Path) -> None:
    read_dictionary(_written(folder, "words.dict", content)).phones("skyfall's")


def _error_table(content: bytes, _: pathlib.Path) -> None:
    table = table_from_json(content.decode("utf-8", "replace"), "table.json")
    table.at(0.2)
    hash(table.sha256)


def _heard() -> bytes:
    words = [["call", 0.5, 0.8, 0.9, False], ["nora", 0.9, 1.3, None, True]]
    return json.dumps({"sentences": [words, []], "duration_secs": 2.5, "recognition_secs": 0.3}).encode()


def _spoken_part(content: bytes, folder: pathlib.Path) -> None:
    heard = Heard.from_json(files.read_json(_written(folder, "part.json", content)), "part.json")
    json.dumps(heard.to_json(), allow_nan=False)


def _recordings() -> list[bytes]:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16000)
        wav.writeframes(bytes(3200))
    return [file.getvalue()]


def _recording(content: bytes, folder: pathlib.Path) -> None:
    if len(content) < 10_000:
        with audio.open_audio(_written(folder, "recording.wav", content)) as stream:
            assert stream.rate_hz > 0


# === Questions, answers and labels ===


def _small_squad() -> bytes:
    document = json.loads((_TESTDATA / "messages.json").read_text(encoding="utf-8"))
    return json.dumps({**document, "data": document["data"][:2]}).encode()


def _squad_forms() -> list[bytes]:
    """Rows, lines, paragraphs, MRQA, packed or in UTF-16, with fields of other types."""
    context = "nora called at six about the café 😀"
    answers = {"text": ["six", "at six"], "answer_start": [15, 12]}
    row = {"id": "a", "title": "Calls", "context": context, "question": "when", "answers": answers}
    rows = [row, row | {"id": 2, "answers": {"text": [], "answer_start": []}}, row | {"id": None, "title": None}]
    detected = [{"text": "six", "char_spans": [[15, 17]]}]
    mrqa = {
        "context": context,
        "qas": [{"qid": "a", "question": "when", "detected_answers": detected, "answers": ["6"]}],
    }
    odd = [
        {"id": 1.0, "question": "who", "answers": [{"text": "nora", "answer_start": "0"}], "is_impossible": "false"},
        {"question": "where", "answers": [{"text": None, "answer_start": -1, "answer_category": "NOT_GIVEN"}]},
        {"id": "c", "question": "when", "answer": {"text": ["six"], "answer_start": [15.0]}, "is_impossible": None},
    ]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in ({"header": {}}, mrqa, mrqa))
    paragraphs = json.dumps([{"context": context, "qas": odd}, {"context": "nobody asked"}])
    return [
        json.dumps({"version": 1, "data": rows}).encode(),
        "".join(json.dumps(one, ensure_ascii=False) + "\r\n" for one in rows).encode(),
        lines,
        gzip.compress(lines, mtime=0),
        paragraphs.encode(),
        paragraphs.encode("utf-16"),
        json.dumps({"features": [], "rows": [{"row_idx": 0, "row": row}]}).encode(),
    ]


def _squad(content: bytes, folder: pathlib.Path) -> None:
    path = _written(folder, "squad.json", content)
    try:
        found = squad_reader.load_squad(path, strict=False)
    except InputError:
        found = None
    if found is not None:
        json.dumps(dataclasses.asdict(validation.audit_file(found)))
        for example in found.examples[:3]:
            squad_reader.example_to_json(example, True)
    for example in squad_reader.iter_squad(path, require_answers=True, keep_no_answers=False):
        validation.has_valid_offset(example)
        json.dumps(squad_reader.example_to_json(example, True), ensure_ascii=False).encode("utf-8")
    json.dumps(list(squad_reader.iter_articles(path)))


def _spoken() -> dict[str, bytes]:
    """Samples of spoken data sets, by the ending of their files."""
    folder = _TESTDATA / "spoken_datasets"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _table_of_questions(name: str) -> Callable[[bytes, pathlib.Path], None]:
    def read(content: bytes, folder: pathlib.Path) -> None:
        path = _written(folder, name, content)
        with odd_items.collect():
            for example in input_formats.iter_examples(path):
                validation.has_valid_offset(example)
                example.word_times.secs_of(0, len(example.context))

    return read


def _questions() -> bytes:
    rows = [
        {"id": 1, "question": "who called", "context": "nora called at six"},
        {"question": "when", "transcript_file": "call.vtt"},
        {"id": {"a": None}, "question": "é", "context": "café"},
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _question_lines(content: bytes, folder: pathlib.Path) -> None:
    readers = {"transcript_file": TranscriptReader()}
    for question in question_files.read_questions(_written(folder, "questions.jsonl", content), readers):
        answer = columns.from_columns(json.loads(_reply_for(question.example.context)), [question.example])[0]
        answer_files.to_json(question.question_id, answer, question.timed).encode("utf-8")


def _reply_for(context: str) -> str:
    text = context[:1]
    return json.dumps(
        {"answer": [text], "answer_start": [0], "answer_end": [len(text)], "score": [0.5]}
        | {"nbest_answer": [[text]], "nbest_start": [[0]], "nbest_score": [[0.5]]}
    )


def _tables() -> dict[str, bytes]:
    lines = [{"text": "good film", "label": 1}, {"text": "bad", "label": "no"}, {"text": "so", "label": True}]
    table = {
        "tsv": b"sentence\tlabel\ngood film\t1\nbad film\t0\n\n",
        "csv": b'text,label\n"good, ""very"" good",1\nbad,0\n',
        "jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in lines),
    }
    return table | {"tsv.gz": gzip.compress(table["tsv"], mtime=0)}


def _table(ending: str) -> Callable[[bytes, pathlib.Path], object]:
    def read(content: bytes, folder: pathlib.Path) -> None:
        for example in read_examples(_written(folder, f"table.{ending}", content), require_labels=True):
            example.text.encode("utf-8")

    return read


@dataclasses.dataclass(frozen=True)
class _Priced:
    example_id: str
    text: str
    label: int | None


def _texts(content: bytes, folder: pathlib.Path) -> None:
    path = _written(folder, "texts.jsonl", content)
    list(read_json_lines(path, "texts.jsonl", _Priced, collections.Counter(), require_labels=True))


def _predictions(content: bytes, folder: pathlib.Path) -> None:
    predictions = metrics.read_predictions(_written(folder, "predictions.json", content))
    examples = [SquadExample(qas_id, "who", "nora called", (Answer("nora", 0),)) for qas_id in "abc"]
    metrics.score(examples, predictions)


def _flagfile(content: bytes, folder: pathlib.Path) -> None:
    _written(folder, "other.flags", b"--seed=2\n")
    cli.expand_flagfiles([f"--flagfile={_written(folder, 'a.flags', content)}"])


# === HTTP ===

_TEXT = {name: TensorSpec("string", (None,)) for name in ("question", "context")}
_IDS = {"input_word_ids": TensorSpec("int32", (None, None)), "weight": TensorSpec("float32", (None,))}
_SIGNATURES = {"serving_default": _TEXT, "serve_ids": _IDS}


def _bodies() -> list[bytes]:
    row = {"question": "who called", "context": "nora called at six"}
    ids = {"input_word_ids": [[101, 7, 102]], "weight": [0.5]}
    bodies = (
        {"instances": [row, row]},
        {"inputs": {"question": ["who"], "context": [{"b64": "bm9yYQ=="}]}, "signature_name": "serving_default"},
        {"inputs": ids, "signature_name": "serve_ids"},
        {"instances": [{"input_word_ids": [1, 2], "weight": 1}], "signature_name": "serve_ids"},
    )
    return [json.dumps(body).encode() for body in bodies]


def _predict(content: bytes, _: pathlib.Path) -> None:
    try:
        request = predict_request.parse_predict(content, _SIGNATURES, Limits())
    except rest.RestError as error:
        json.loads(error.body())
        raise
    rest.to_body({name: json_tensor.to_json(name, array) for name, array in request.inputs.items()})


def _paths() -> list[bytes]:
    names = ("/v1/models/qa:predict", "/v1/models/qa/versions/3/metadata", "/v1/models/q%20a/labels/best", "/v1/models")
    return [name.encode() for name in names]


def _path(content: bytes, _: pathlib.Path) -> None:
    text = content.decode("latin-1")
    target = rest.parse_path("POST" if "predict" in text else "GET", text)
    rest.check_target(target, "qa", 1)


def _reply() -> bytes:
    return _reply_for("nora called").encode()


def _label_reply() -> bytes:
    reply = {"label": ["a"], "score": [0.75], "labels": [["a", "b"]], "probabilities": [[0.75, 0.25]]}
    return json.dumps(reply).encode()


def _http_reply(content: bytes, status: int = 200) -> Reply:
    return Reply(status, "OK", {"Retry-After": "9" * 400}, content)


def _parsed(content: bytes) -> dict[str, Any]:
    reply = rest_transport._read_reply(_http_reply(content))
    return reply if isinstance(reply, dict) else {}


def _question_reply(content: bytes, _: pathlib.Path) -> None:
    example = SquadExample("1", "who", "nora called")
    [answer] = columns.from_columns(_parsed(content), [example])
    answer_files.to_json("1", answer).encode("utf-8")


def _label_columns(content: bytes, _: pathlib.Path) -> None:
    [answer] = Classification.from_columns(_parsed(content), [ClassificationExample("1", "so")])
    json.dumps(Classification.answer_fields(answer), allow_nan=False)
    Classification.describe_answer(answer)


def _any_reply(content: bytes, _: pathlib.Path) -> None:
    rest_transport._read_reply(_http_reply(content, status=503))


# === Archives ===


def _archives() -> list[bytes]:
    contents = {"qa/1/saved_model.pb": b"qa", "qa_ids/1/saved_model.pb": b"ids", "MODEL_CARD.md": b"# Card\n"}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in {"SHA256SUMS": sums.encode(), **contents}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return [file.getvalue()]


def _archive(content: bytes, folder: pathlib.Path) -> None:
    # The tar is damaged inside its compression; a damaged compression ends at once.
    packed = content if content[:1] == b"\x1f" else gzip.compress(content, 1, mtime=0)
    archive.locate(_written(folder, "model.tar.gz", packed))
