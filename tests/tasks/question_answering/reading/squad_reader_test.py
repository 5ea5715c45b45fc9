import json
import subprocess
import sys
import warnings

import pytest

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import Severity
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from tests import testing


def _qa(qas_id="q1", question="what sat", **more):
    return {"id": qas_id, "question": question, "answers": [{"text": "cat", "answer_start": 4}]} | more


def _document(*qas, context="the cat sat"):
    return {"version": "1.1", "data": [{"title": "Cats", "paragraphs": [{"context": context, "qas": list(qas)}]}]}


def _write(tmp_path, content):
    path = tmp_path / "data.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def _error(path, **options):
    with (
        warnings.catch_warnings(action="ignore", category=odd_items.OddInputWarning),
        pytest.raises(InputError) as caught,
    ):
        squad_reader.read_squad(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


# --- Reading --------------------------------------------------------------------------------------------------------


def test_reads_every_field(tmp_path):
    path = _write(tmp_path, _document(_qa()))
    assert squad_reader.read_squad(path) == [
        SquadExample("q1", "what sat", "the cat sat", (Answer("cat", 4),), title="Cats", paragraph_index=0)
    ]


def test_examples_of_a_paragraph_share_one_context_object(tmp_path):
    first, second = squad_reader.read_squad(_write(tmp_path, _document(_qa("q1"), _qa("q2"))))
    assert first.context is second.context


def test_reads_squad_2_questions_without_answer(tmp_path):
    qa = _qa(answers=[], is_impossible=True, plausible_answers=[{"text": "sat", "answer_start": 8}])
    (example,) = squad_reader.read_squad(_write(tmp_path, _document(qa)), require_answers=True)
    assert example.is_impossible
    assert example.answers == ()
    assert example.plausible_answers == (Answer("sat", 8),)


def test_untitled_articles_stay_apart(tmp_path):
    document = _document(_qa("q1"))
    document["data"] += _document(_qa("q2"))["data"]
    for article in document["data"]:
        del article["title"]
    assert [e.title for e in squad_reader.read_squad(_write(tmp_path, document))] == ["article_0", "article_1"]


def test_paragraphs_keep_the_number_they_have_in_the_file(tmp_path):
    document = _document()
    document["data"][0]["paragraphs"].append({"context": "the cat sat", "qas": [_qa()]})
    assert squad_reader.read_squad(_write(tmp_path, document))[0].paragraph_index == 1


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path):
    path = tmp_path / "bom.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(_document(_qa())).encode())
    assert len(squad_reader.read_squad(path)) == 1


def test_reading_a_local_file_imports_no_tensorflow(tmp_path):
    path = _write(tmp_path, _document(_qa()))
    code = (
        "import sys; from bert_qa_tf.tasks.question_answering.reading import squad_reader as squad; "
        f"squad.read_squad({str(path)!r}); print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=testing.REPOSITORY
    )
    assert done.stdout.strip() == "False"


# --- Bad input ------------------------------------------------------------------------------------------------------


def test_a_missing_file_is_one_clear_line(tmp_path):
    assert "cannot read this file" in _error(tmp_path / "nowhere.json")


def test_an_empty_file_is_one_clear_line(tmp_path):
    assert "empty file, expected SQuAD-form JSON" in _error(_write(tmp_path, " \n"))


def test_not_json_names_line_and_column(tmp_path):
    assert "not JSON at line 2 column 1 (Expecting value), expected SQuAD-form JSON" in _error(
        _write(tmp_path, '{"data":\n}')
    )


def test_bytes_that_are_no_utf8_are_one_clear_line(tmp_path):
    path = tmp_path / "latin1.json"
    path.write_bytes('{"version": "é"}'.encode("latin-1"))
    assert "not UTF-8 at byte 13" in _error(path)


@pytest.mark.parametrize("keys", [("data",), ("data", 0, "paragraphs"), ("data", 0, "paragraphs", 0, "context")])
def test_another_shape_names_the_path_that_is_missing(tmp_path, keys):
    document = _document(_qa())
    parent = document
    for key in keys[:-1]:
        parent = parent[key]
    del parent[keys[-1]]
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    assert f": {path} is missing" in _error(_write(tmp_path, document))


def test_a_question_that_cannot_be_read_is_left_out_and_counted(tmp_path):
    broken = _qa("q2")
    del broken["question"]
    path = _write(tmp_path, _document(_qa(), broken))
    with odd_items.collect() as odd:
        assert [example.qas_id for example in squad_reader.read_squad(path)] == ["q1"]
    assert odd.counts(Severity.WARNING) == {"unreadable_questions": 1}
    place = "data[0].paragraphs[0].qas[1].question is missing, expected a string"
    assert odd.to_json()[0]["first"] == [f"{path}: {place}"]
    with odd_items.collect(strict=True):
        assert f"{place}: this cannot be read" in _error(path)


def test_an_id_that_is_missing_is_made_of_the_place_and_no_other_has_it(tmp_path):
    made = "data.json:data[0].paragraphs[0].qas[1]"
    questions = (_qa("q1"), _qa(None, "who"), _qa("", "where"), _qa(made, "why"))
    with odd_items.collect() as odd:
        found = [e.qas_id for e in squad_reader.read_squad(_write(tmp_path, _document(*questions)))]
    assert found[:3] == ["q1", made, "data.json:data[0].paragraphs[0].qas[2]"]
    assert len(set(found)) == 4
    assert odd.counts() == {"made_ids": 2, "duplicate_ids": 1}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"answer_start": 4}, "answers[0].text is missing, expected a string"),
        ({"text": "cat", "answer_start": "4a"}, "answers[0].answer_start is a string, expected an integer"),
        ({"text": "cat", "answer_start": 4.5}, "answers[0].answer_start is 4.5, expected an integer"),
        ({"text": "cat", "answer_start": 1e300}, "answers[0].answer_start is a number of 301 digits, expected a place"),
        ({"text": "cat", "answer_start": True}, "answers[0].answer_start is true or false, expected an integer"),
        ({"text": None, "answer_start": 4}, "answers[0].text is null, expected a string"),
        (7, "answers[0] is an integer, expected an object"),
    ],
)
def test_a_malformed_answer_is_named(tmp_path, answer, expected):
    assert expected in _error(_write(tmp_path, _document(_qa(answers=[answer]))))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], "the top level is an empty array, expected at least one article"),
        ([3], "[0] is an integer, expected an object"),
        ({"data": {}}, "data is an object, expected an array"),
        ({"data": []}, "data is an empty array, expected at least one article"),
        ({"data": [3]}, "data[0] is an integer, expected an object"),
        ({"data": [{"paragraphs": []}]}, "holds no question in 0 paragraphs"),
        (_document(_qa(is_impossible="yes")), "is_impossible is a string, expected true or false"),
        (_document(_qa(question="  ")), "data[0].paragraphs[0].qas[0].question: empty question (id 'q1')"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(tmp_path, document, expected):
    assert expected in _error(_write(tmp_path, document))


def test_a_second_question_with_the_same_id_gets_another(tmp_path):
    path = _write(tmp_path, _document(_qa("q1"), _qa("q2"), _qa("q1", "who")))
    with odd_items.collect() as odd:
        examples = squad_reader.read_squad(path)
    assert [example.qas_id for example in examples] == ["q1", "q2", "data.json:data[0].paragraphs[0].qas[2]"]
    assert odd.counts() == {"duplicate_ids": 1}
    with odd_items.collect(strict=True):
        message = _error(path)
    assert "data[0].paragraphs[0].qas[2]: duplicate id 'q1'" in message
    assert "first used at data[0].paragraphs[0].qas[0]" in message


def test_a_question_that_is_there_twice_is_read_once(tmp_path):
    with odd_items.collect() as odd:
        examples = squad_reader.read_squad(_write(tmp_path, _document(_qa("q1"), _qa("q2"), _qa("q1"))))
    assert [example.qas_id for example in examples] == ["q1", "q2"]
    assert odd.counts(Severity.NOTE) == {"repeated_records": 1}


def test_half_a_surrogate_pair_is_replaced_and_counted(tmp_path):
    path = _write(tmp_path, json.dumps(_document(_qa(), context="the \ud83d sat")))
    with odd_items.collect() as odd:
        assert squad_reader.read_squad(path)[0].context == "the \ufffd sat"
    assert odd.counts() == {"invalid_unicode": 1}
    with odd_items.collect(strict=True):
        assert "half a surrogate pair at character 4" in _error(path)


def test_questions_without_a_required_answer_are_left_out_and_counted(tmp_path):
    path = _write(tmp_path, _document(_qa("q1"), _qa("q2", answers=[]), {"id": "q3", "question": "why"}))
    with odd_items.collect() as odd:
        assert len(squad_reader.read_squad(path, require_answers=True)) == 1
    assert odd.counts() == {"unanswered_questions": 2}
    with odd_items.collect() as odd:
        assert len(squad_reader.read_squad(path)) == 3
    assert not odd


def test_required_answers_of_which_there_are_none_are_refused(tmp_path):
    path = _write(tmp_path, _document(_qa("q2", answers=[]), {"id": "q3", "question": "why"}))
    with odd_items.collect():
        message = _error(path, require_answers=True)
    assert "2 of 2 questions have no answer and are not marked is_impossible, the first is 'q2'" in message


def test_an_audit_lists_what_other_readers_change(tmp_path):
    document = _document(_qa("q1"), _qa("q1"), _qa("q2", question=""))
    document["data"][0]["paragraphs"].append({"context": " ", "qas": []})
    with odd_items.collect() as odd:
        squad_file = squad_reader.load_squad(_write(tmp_path, document), strict=False)
    assert odd.counts() == {"repeated_records": 1, "empty_questions": 1}
    assert len(squad_file.examples) == 3
    assert [(p.kind, p.place) for p in squad_file.problems] == [
        ("duplicate_ids", "data[0].paragraphs[0].qas[1]"),
        ("empty_questions", "data[0].paragraphs[0].qas[2].question"),
        ("empty_contexts", "data[0].paragraphs[1].context"),
        ("paragraphs_without_questions", "data[0].paragraphs[1]"),
    ]
