import pickle
import threading
import warnings

import pytest

from bert_qa_tf import cli, flags, odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddItems, OddKind, Severity

NUMBERS = OddKind("numeric_ids", "ids that are numbers, read as text")
CUES = OddKind("untimed_captions", "captions without a time, left out", Severity.WARNING)


def test_lines_have_counts_first_places_and_a_summary():
    items = OddItems(max_places=2)
    for number in range(1200):
        items.add(NUMBERS, "a.json", f"data[{number}]")
    items.add(CUES, "b.srt", "line 3", times=4)

    assert items.lines() == [
        "warning: captions without a time, left out (4): b.srt: line 3, …",
        "note: ids that are numbers, read as text (1,200): a.json: data[0], a.json: data[1], …",
        "odd items: 4 left out or estimated, 1,200 read as meant; --strict refuses them",
    ]
    assert items.lines(Severity.WARNING)[1:] == ["odd items: 4 left out or estimated; --strict refuses them"]
    assert items.counts() == {"numeric_ids": 1200, "untimed_captions": 4}
    assert items.describe() == "captions without a time, left out (4); ids that are numbers, read as text (1,200)"


def test_nothing_odd_has_no_lines():
    assert OddItems().lines() == []
    assert not OddItems()


def test_strict_refuses_with_the_detail_or_else_the_text():
    with odd_items.collect(strict=True), pytest.raises(InputError) as refused:
        odd_items.add(NUMBERS, "a.json", "data[0].id", "an integer, expected a string")
    assert str(refused.value) == "a.json: data[0].id: an integer, expected a string"
    with pytest.raises(InputError, match=r"^a\.json: ids that are numbers"):
        OddItems(strict=True).add(NUMBERS, "a.json", "")


def test_the_inner_block_collects():
    with odd_items.collect() as outer:
        with odd_items.collect() as inner:
            odd_items.add(NUMBERS, "a.json", "data[0]")
        odd_items.add(CUES, "a.srt", "line 1")

    assert inner.counts() == {"numeric_ids": 1}
    assert outer.counts() == {"untimed_captions": 1}


def test_threads_of_a_command_share_its_collection():
    items = OddItems()
    with odd_items.collect_in_all_threads(items):
        threads = [threading.Thread(target=odd_items.add, args=(NUMBERS, "a", str(n))) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert items.counts() == {"numeric_ids": 20}


def test_what_a_worker_process_collected_is_merged():
    items, of_worker = OddItems(), OddItems()
    items.add(NUMBERS, "a.json", "data[0]")
    for place in ("data[1]", "data[2]", "data[3]"):
        of_worker.add(NUMBERS, "b.json", place)
    items.merge(pickle.loads(pickle.dumps(of_worker)))

    [found] = items.to_json()
    assert found["count"] == 4
    assert found["first"] == ["a.json: data[0]", "b.json: data[1]", "b.json: data[2]"]


def test_outside_of_a_block_python_warns_once_for_each_file():
    with pytest.warns(odd_items.OddInputWarning, match=r"one\.json: data\[0\]"):
        odd_items.add(NUMBERS, "one.json", "data[0]")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        odd_items.add(NUMBERS, "one.json", "data[1]")


def _read(values):
    odd_items.add(CUES, "a.srt", "line 3")
    odd_items.add(NUMBERS, "a.json", "data[0]")
    print("done")


def test_a_command_prints_what_was_odd_on_standard_error(capsys):
    assert cli.call(_read, "", [flags.define_odd_items], []) == 0
    printed = capsys.readouterr()
    assert printed.out == "done\n"
    assert printed.err.splitlines()[-1] == "odd items: 1 left out or estimated, 1 read as meant; --strict refuses them"


def test_a_quiet_command_prints_warnings_only(capsys):
    assert cli.call(_read, "", [flags.define_odd_items], ["--verbosity=-1"]) == 0
    assert "read as meant" not in capsys.readouterr().err


def test_a_strict_command_ends_with_the_refusal(capsys):
    assert cli.call(_read, "", [flags.define_odd_items], ["--strict"]) == 1
    assert capsys.readouterr().err == "error: a.srt: line 3: captions without a time, left out\n"


def test_a_place_of_any_length_makes_no_endless_line():
    items = OddItems()
    items.add(NUMBERS, "a.json", "k" * 1_000_000)
    (place,) = items.to_json()[0]["first"]
    assert place.startswith("a.json: kkk")
    assert len(items.lines()[0]) < 500
