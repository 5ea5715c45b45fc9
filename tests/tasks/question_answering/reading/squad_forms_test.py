"""Files in the forms that tools and data sets write; a test names where its form comes from."""

import contextlib
import gzip
import json
import os
import threading

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.reading import squad_reader

CONTEXT = (
    "Hello, this is Dana calling about the dentist. Your appointment moved to Tuesday at nine. Please call 555 0100 if "
    "that does not suit you."
)
TUESDAY = {"text": "Tuesday", "answer_start": 73}
DANA = {"text": "Dana", "answer_start": 15}


def qa(qas_id="a", question="When is the appointment?", answers=(TUESDAY,), **more):
    return {"question": question, "id": qas_id, "answers": list(answers)} | more


def squad(*qas, **more):
    return {"data": [{"paragraphs": [{"context": CONTEXT, "qas": list(qas)} | more]}]}


def row(qas_id="q1", question="When is the appointment?", answers=(TUESDAY,), title="Call", **more):
    columns = {key: [answer[key] for answer in answers] for key in ("text", "answer_start")}
    return {"id": qas_id, "title": title, "context": CONTEXT, "question": question, "answers": columns} | more


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


class Read:
    """What was read of a content."""

    def __init__(self, tmp_path, content, name="calls.json", **options):
        self.path = tmp_path / name
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.path.write_bytes(content)
        with odd_items.collect() as odd:
            self.examples = squad_reader.read_squad(self.path, **options)
        self.odd = odd.counts()
        self.answers = {
            e.qas_id: None if e.is_impossible else [(a.text, a.start_char) for a in e.answers] for e in self.examples
        }


def refusal(tmp_path, content):
    with pytest.raises(InputError) as caught:
        Read(tmp_path, content)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{tmp_path / 'calls.json'}: ")
    return message.removeprefix(f"{tmp_path / 'calls.json'}: ")


# === Forms ===

ROWS = [row("q1"), row("q2", "Who is calling?", [DANA])]
_MRQA_LINES = [
    {"header": {"dataset": "Calls", "split": "dev"}},
    {
        "id": "",
        "context": CONTEXT,
        "qas": [
            {
                "qid": "q1",
                "question": "When is the appointment?",
                "answers": ["Tuesday"],
                "detected_answers": [{"text": "Tuesday", "char_spans": [[73, 79]]}],
            },
            {
                "qid": "q2",
                "question": "Who is calling?",
                "answers": ["Dana"],
                "detected_answers": [{"text": "Dana", "char_spans": [[15, 18]]}],
            },
        ],
    },
]
_QUESTIONS = [qa("q1"), qa("q2", "Who is calling?", [DANA])]
FORMS = {
    "rows in data": {"version": "0.1.0", "data": ROWS},
    "rows in a list": ROWS,
    "rows on lines": lines(*ROWS),
    # neuralmagic/sparseml, pull request 1667: JSON lines without a field `data`; here from Windows.
    "rows on lines that end as in Windows": lines(*ROWS).replace("\n", "\r\n"),
    # ThilinaRajapakse/simpletransformers, issue 74.
    "paragraphs in a list": [{"context": CONTEXT, "qas": _QUESTIONS}],
    # The dataset viewer's documentation, "Preview a dataset".
    "rows of the dataset viewer": {
        "features": [{"feature_idx": 0, "name": "id"}],
        "rows": [{"row_idx": i, "row": one, "truncated_cells": []} for i, one in enumerate(ROWS)],
        "num_rows_total": 2,
    },
    # The data set card of Anwaarma/ArabicQA, which holds exports of Haystack's tool.
    "articles in a column": lines({"data": {"paragraphs": [{"context": CONTEXT, "qas": _QUESTIONS}]}}),
    "articles in a list": squad(*_QUESTIONS)["data"],
    "one article": squad(*_QUESTIONS)["data"][0],
    "MRQA": lines(*_MRQA_LINES),
    # huggingface/datasets, pull request 1022: MRQA as columns.
    "rows of MRQA": [
        {
            "context": CONTEXT,
            "question": one["question"],
            "qid": one["qid"],
            "answers": one["answers"],
            "detected_answers": {
                "text": [found["text"] for found in one["detected_answers"]],
                "char_spans": [
                    {"start": [s for s, _ in found["char_spans"]], "end": [e for _, e in found["char_spans"]]}
                    for found in one["detected_answers"]
                ],
            },
        }
        for one in _MRQA_LINES[1]["qas"]
    ],
    # korquad/korquad.github.io, issue 4: `data` holds texts, and each question one `answer`.
    "KorQuAD 2.0": {
        "version": "KorQuAD_2.0",
        "data": [
            {
                "title": "Call",
                "url": "",
                "context": CONTEXT,
                "raw_html": "<p>",
                "qas": [
                    {"question": "When is the appointment?", "id": "q1", "answer": TUESDAY | {"html_answer_start": 76}},
                    {"question": "Who is calling?", "id": "q2", "answer": DANA | {"html_answer_start": 18}},
                ],
            }
        ],
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_same_questions_are_read_of_every_form(tmp_path, form, pack, encoding):
    content = FORMS[form] if isinstance(FORMS[form], str) else json.dumps(FORMS[form], indent=1)
    read = Read(tmp_path, pack(content.encode(encoding)), require_answers=True)
    assert read.answers == {"q1": [("Tuesday", 73)], "q2": [("Dana", 15)]}
    first, second = read.examples
    assert first.context == CONTEXT
    assert first.context is second.context
    assert (first.title, first.paragraph_index) == (second.title, second.paragraph_index)
    assert set(read.odd) <= {"bare_answers"}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_articles(tmp_path, form):
    path = Read(tmp_path, FORMS[form]).path
    with odd_items.collect() as odd:
        (article,) = squad_reader.iter_articles(path, again=True)
    assert not odd
    (paragraph,) = article["paragraphs"]
    assert paragraph["context"] == CONTEXT
    assert [(q["id"], q["answers"]) for q in paragraph["qas"]] == [("q1", [TUESDAY]), ("q2", [DANA])]
    # Written with another text, the answers are where `answers` says, whatever form the file had.
    spoken = {
        "context": "it is tuesday",
        "qas": [q | {"answers": [{"text": "tuesday", "answer_start": 6}]} for q in paragraph["qas"]],
    }
    assert Read(tmp_path, {"data": [{"paragraphs": [spoken]}]}).answers == {
        "q1": [("tuesday", 6)],
        "q2": [("tuesday", 6)],
    }


def test_rows_without_a_title_are_named_after_their_text_wherever_they_stand(tmp_path):
    other = {"context": "Max called.", "title": None}
    rows = [row("a", title=None), row("b", answers=[], **other), row("c", title=None), row("d", answers=[], **other)]
    a, b, c, d = Read(tmp_path, rows).examples
    assert (a.title, b.title) == (c.title, d.title)
    assert a.title != b.title
    assert {e.paragraph_index for e in (a, b, c, d)} == {0}


def test_texts_of_one_title_keep_their_numbers_however_rows_are_shuffled(tmp_path):
    rows = [row("a"), row("b", context="Max called."), row("c"), row("d", context="Max called.")]
    assert [e.paragraph_index for e in Read(tmp_path, rows).examples] == [0, 1, 0, 1]
    with odd_items.collect():
        loaded = squad_reader.load_squad(tmp_path / "calls.json")
    assert (loaded.num_articles, loaded.num_paragraphs) == (1, 2)


def test_a_line_that_is_damaged_costs_no_other(tmp_path):
    # A JSON-lines file whose writing was interrupted; here it is the line in the middle, then the first.
    for damaged in ([row("a"), None, row("c")], [None, row("a"), row("c")]):
        content = "".join('{"id": "b", "question\n' if value is None else lines(value) for value in damaged)
        read = Read(tmp_path, content)
        assert list(read.answers) == ["a", "c"]
        assert read.odd == {"unreadable_records": 1}


# === Fields of another type ===


def test_ids_that_are_numbers_are_read_as_text(tmp_path):
    # GermanQuAD, COVID-QA and other exports of Haystack's tool.
    read = Read(tmp_path, squad(qa(262), qa(263.0, answers=[DANA]), document_id=630))
    assert (list(read.answers), read.odd) == (["262", "263"], {"numeric_ids": 2})


def test_numbers_and_booleans_that_are_text_are_read(tmp_path):
    # CJRC.
    qas = (
        qa("a", answers=[TUESDAY | {"answer_start": "73"}], is_impossible="false"),
        qa("b", answers=[DANA | {"answer_start": "15"}], is_impossible="False"),
        qa("c", answers=[], is_impossible="true"),
        qa("d", is_impossible=0),
    )
    read = Read(tmp_path, squad(*qas))
    assert read.answers == {"a": [("Tuesday", 73)], "b": [("Dana", 15)], "c": None, "d": [("Tuesday", 73)]}
    assert read.odd == {"numbers_as_text": 2, "truth_as_text": 4}


def test_whole_floats_are_read_and_others_are_not(tmp_path):
    read = Read(tmp_path, squad(qa("a", answers=[TUESDAY | {"answer_start": 73.0}])))
    assert (read.answers, read.odd) == ({"a": [("Tuesday", 73)]}, {"whole_floats": 1})
    content = squad(qa("a", answers=[TUESDAY | {"answer_start": 73.5}]), qa("b"))
    read = Read(tmp_path, content)
    assert (list(read.answers), read.odd) == (["b"], {"unreadable_questions": 1})


def test_nulls_and_missing_qas_count_as_absent(tmp_path):
    content = squad(qa("a", is_impossible=None), qa("b") | {"answers": None, "is_impossible": True})
    content["data"][0]["paragraphs"] += [{"context": "Nobody asked."}, {"context": "Nor here.", "qas": None}]
    read = Read(tmp_path, content)
    assert (read.answers["b"], read.odd) == (None, {"nulls": 3, "missing_qas": 1})


def test_nan_is_none(tmp_path):
    # mapping-commons/sssom-py, issue 118, and aqlaboratory/openfold-3, issue 167: pandas writes NaN into JSON.
    content = squad(qa("a", is_impossible=float("nan")), qa("b") | {"answers": float("nan"), "is_impossible": True})
    read = Read(tmp_path, content)
    assert (read.answers, read.odd) == ({"a": [("Tuesday", 73)], "b": None}, {"nulls": 2})


def test_questions_without_an_id_are_named_after_their_place(tmp_path):
    # cdqa-suite/cdQA-annotator, issue 1.
    content = squad(qa(), qa(question="Who is calling?", answers=[DANA]))
    for one in content["data"][0]["paragraphs"][0]["qas"]:
        del one["id"]
    read = Read(tmp_path, content)
    assert list(read.answers) == [f"calls.json:data[0].paragraphs[0].qas[{number}]" for number in range(2)]
    assert list(Read(tmp_path, content).answers) == list(read.answers)
    assert read.odd == {"made_ids": 2}


def test_titles_may_be_missing_or_numbers(tmp_path):
    # deepset-ai/haystack, issue 565: `document_id` in the place of a title.
    content = squad(qa("a"))
    content["data"] += [{"title": 630, **squad(qa("b"))["data"][0]}, {"title": [], **squad(qa("c"))["data"][0]}]
    read = Read(tmp_path, content)
    assert [example.title for example in read.examples] == ["article_0", "630", "article_2"]
    assert read.odd == {"odd_titles": 1}


def test_an_answer_that_is_a_number_is_read_as_text(tmp_path):
    # deepset-ai/haystack, issue 498: tables that became SQuAD form.
    read = Read(tmp_path, squad(qa("a", answers=[{"text": 555, "answer_start": CONTEXT.index("555")}])))
    assert read.examples[0].answers[0].fits(CONTEXT)
    assert read.odd == {"text_as_numbers": 1}


# === No answer ===


def test_an_empty_answer_is_no_answer(tmp_path):
    # deepset-ai/haystack, issue 791: "answer not given"; the last two are as converters write it.
    nothing = {"text": "", "answer_start": 0}
    content = squad(
        qa(7),
        qa(8, "Who pays?", [nothing | {"answer_category": "NOT_GIVEN"}], is_impossible=False),
        qa(9, "Who pays?", [nothing | {"answer_category": None}], is_impossible=False),
        qa(10, "Who pays?", [{"text": None, "answer_start": -1}]),
        qa(11, "Who pays?", [{"text": "NOT_GIVEN", "answer_start": 0}], is_impossible=True),
    )
    read = Read(tmp_path, content, require_answers=True)
    assert read.answers == {"7": [("Tuesday", 73)], "8": None, "9": None, "10": None, "11": None}
    assert read.odd == {"numeric_ids": 5, "no_answers": 4}


def test_empty_answers_are_left_out_where_there_must_be_one(tmp_path):
    content = squad(qa("a"), qa("b", "Who pays?", [{"text": "", "answer_start": 0}]))
    path = Read(tmp_path, content).path
    with odd_items.collect() as odd:
        examples = list(squad_reader.iter_squad(path, require_answers=True, keep_no_answers=False))
    assert [example.qas_id for example in examples] == ["a"]
    assert odd.counts(odd_items.Severity.WARNING) == {"no_answers_left_out": 1}
    assert "--version_2_with_negative keeps them" in odd.describe()


def test_empty_lists_of_rows_are_no_answer(tmp_path):
    # huggingface/datasets, issue 2585 (squad_v2).
    read = Read(tmp_path, [row("a"), row("b", "Who pays?", [])], require_answers=True)
    assert (read.answers, read.odd) == ({"a": [("Tuesday", 73)], "b": None}, {})


def test_questions_marked_impossible_need_no_answer(tmp_path):
    # ThilinaRajapakse/simpletransformers, issue 93.
    read = Read(tmp_path, squad(qa("a"), qa("b", answers=[], is_impossible=True)), require_answers=True)
    assert (read.answers["b"], read.odd) == (None, {})


def test_questions_of_a_test_set_need_no_answers_to_be_asked(tmp_path):
    # huggingface/transformers, issue 3542 (BioASQ).
    content = squad(qa("a"), {"id": "b", "question": "Who pays?"})
    assert Read(tmp_path, content).odd == {}
    assert Read(tmp_path, content, require_answers=True).odd == {"unanswered_questions": 1}


# === Answers of another form ===


@pytest.mark.parametrize(
    ("answers", "found", "odd"),
    [
        # Rows inside of SQuAD form.
        ({"text": ["Tuesday"], "answer_start": [73]}, ("Tuesday", 73), {}),
        ([{"text": ["Tuesday"], "answer_start": [73]}], ("Tuesday", 73), {}),
        ([TUESDAY | {"answer_start": [73]}], ("Tuesday", 73), {}),
        (TUESDAY, ("Tuesday", 73), {"bare_answers": 1}),
        (["Tuesday"], ("Tuesday", -1), {"bare_answers": 1}),
        ("Tuesday", ("Tuesday", -1), {"bare_answers": 1}),
        ({"text": ["Tuesday"]}, ("Tuesday", -1), {"answers_without_offset": 1}),
        ([{"text": "Tuesday"}], ("Tuesday", -1), {"answers_without_offset": 1}),
        ([{"text": "Tuesday", "answer_start": None}], ("Tuesday", -1), {"answers_without_offset": 1}),
        ([TUESDAY | {"answer_start": -1}], ("Tuesday", -1), {}),
    ],
)
def test_answers_are_read_in_the_forms_that_converters_write(tmp_path, answers, found, odd):
    read = Read(tmp_path, squad(qa("a") | {"answers": answers}), require_answers=True)
    assert (read.answers, read.odd) == ({"a": [found]}, odd)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ("{'text': array(['Tuesday'], dtype=object)}", "answers is an object or array written as a string"),
        (
            {"text": ["a", "b"], "answer_start": [1]},
            "answers.answer_start is 1 numbers, expected an array of 2 numbers",
        ),
        (7, "answers is an integer, expected an array"),
        ([[1]], "answers[0] is an array, expected an object"),
    ],
)
def test_answers_that_cannot_be_read_are_named(tmp_path, answers, reason):
    # The first: huggingface/transformers, issue 9370, where a table (CSV) stands for SQuAD form.
    assert f"data[0].paragraphs[0].qas[0].{reason}" in refusal(tmp_path, squad(qa("a") | {"answers": answers}))


def test_a_row_may_hold_its_only_answer_in_columns_of_its_own(tmp_path):
    # deepset-ai/haystack, issue 2651 (tables of its annotation tool) has such columns.
    one = {"question": "Who?", "context": CONTEXT, "answer": "Dana", "answer_start": 15, "id": 3}
    assert Read(tmp_path, [one]).answers == {"3": [("Dana", 15)]}


def test_spans_of_mrqa_are_the_text_that_stands_there(tmp_path):
    # mrqa/MRQA-Shared-Task-2019, issue 11: answers differ from the text; issue 6: the same span several times.
    detected = [{"text": "tuesday at  nine", "char_spans": [[73, 87]]}, {"text": "Tuesday", "char_spans": [[73, 79]]}]
    one = {"qid": "a", "question": "When?", "answers": ["tuesday at  nine", "9"], "detected_answers": detected}
    read = Read(tmp_path, lines({"header": {}}, {"context": CONTEXT, "qas": [one]}))
    assert read.answers == {"a": [("Tuesday at nine", 73), ("Tuesday", 73), ("9", -1)]}


# === What is named instead ===


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # stanfordnlp/coqa-baselines.
        (
            {"data": [{"story": "…", "questions": [], "answers": []}]},
            "data[0] is in CoQA's own form, which is not read",
        ),
        # mandarjoshi90/triviaqa, issue 3.
        ({"Data": [], "Domain": "Web"}, "data is missing, expected an array"),
        ([{"EntityPages": [], "Question": "…"}], "[0] is in TriviaQA's own form, which is not read: convert it to"),
        # HumanSignal/label-studio-converter, issue 111.
        (
            [{"id": 1, "data": {"text": "…"}, "annotations": []}],
            "[0] is in an export of Label Studio (docs/data.md has",
        ),
        (
            {"text": "Hello", "segments": [{"text": "Hello", "start": 0, "end": 1}]},
            "the top level is a transcript, which",
        ),
        ([{"text": "Hello", "start": 0, "duration": 1}], "[0] is a transcript, which holds no question: predict --tra"),
        ('{"audio_filepath": "a.wav", "text": "Hello"}\n' * 2, "line 1 is a transcript, which holds no question"),
        ({"data": {"id": {"0": "a"}, "text": {"0": "b"}}}, "data is an object, expected an array"),
        ('{"data": [{"paragraphs": [],}]}', "not JSON at line 1 column 29 ("),
        ('{"data": [{"paragraphs": []}]', "not JSON at line 1 column 30 ("),
        ("context\tquestion\nHello\tWho?\n", "not JSON at line 1 column 1 (Expecting value), expected SQuAD-form JSON"),
        (b"\x00\x01\x02\x03\xff\xfe\xfd" * 9, "not UTF-8 at byte 62, expected SQuAD-form JSON"),
        ('{"data": [3'.encode("utf-16") + b"\x00", "not UTF-16 at byte 24, expected SQuAD-form JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not UTF-8 at byte 0, expected SQuAD-form JSON"),
        (gzip.compress(json.dumps(squad(qa())).encode(), mtime=0)[:60], "not a whole gzip file"),
        (b"PK\x03\x04" + bytes(40), "is a zip archive, expected SQuAD-form JSON: unpack it first"),
        (b"", "empty file, expected SQuAD-form JSON"),
        (gzip.compress(b" ", mtime=0), "empty file, expected SQuAD-form JSON"),
        ("3", "holds no object or array, expected SQuAD-form JSON"),
        ('{"question": "Who?", "context": null}', "context is null, expected a string"),
        ({"data": [{"context": CONTEXT, "qas": 3}]}, "data[0].qas is an integer, expected an array"),
        ({"data": [{"context": CONTEXT, "qas": {"0": {}}}]}, "data[0].qas is an object, expected an array"),
        # deepset-ai/FARM, issue 241.
        (squad(), "holds no question in 1 paragraphs"),
    ],
)
def test_what_is_not_read_is_one_line_that_says_what_to_do(tmp_path, content, expected):
    assert expected in refusal(tmp_path, content)


def test_a_folder_is_one_line(tmp_path):
    (tmp_path / "calls.json").mkdir()
    with pytest.raises(InputError, match=r"calls\.json: cannot read this file \(Is a directory\)"):
        squad_reader.read_squad(tmp_path / "calls.json")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps(squad(qa())), None),
        ("PAR1 or anything else", "is a Parquet file, expected SQuAD-form JSON"),
        ("no JSON", "is a pipe, which can be read only once, expected a file"),
    ],
)
def test_a_pipe_is_read_once_or_named(tmp_path, content, expected):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(content,))
    writer.start()
    with pytest.raises(InputError, match=expected) if expected else contextlib.nullcontext():
        assert len(squad_reader.read_squad(str(pipe))) == 1
    writer.join()


def test_markup_and_odd_spaces_in_texts_stay_as_they_are(tmp_path):
    # huggingface/datasets, issue 2585: double spaces; google/xquad and others keep non-breaking ones.
    context = " Hello,  this\u00a0is <b>Dana</b>.\r\n"
    answer = {"text": "Dana", "answer_start": context.index("Dana")}
    one = qa("a", "Who <i>calls</i>?\t", [answer])
    read = Read(tmp_path, {"data": [{"paragraphs": [{"context": context, "qas": [one]}]}]})
    assert (read.examples[0].context, read.examples[0].question) == (context, "Who <i>calls</i>?\t")
    assert read.odd == {}


def test_strict_refuses_the_first_odd_item_with_its_place(tmp_path):
    path = Read(tmp_path, squad(qa("a"), qa(7))).path
    with odd_items.collect(strict=True), pytest.raises(InputError) as caught:
        squad_reader.read_squad(path)
    assert str(caught.value) == f"{path}: data[0].paragraphs[0].qas[1].id: is 7, expected a string"
