import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.classification.labels import (
    LabelSet,
    class_weights,
    count_labels,
    find_labels,
    parse_class_weights,
)

ABC = LabelSet(("a", "b", "c"))


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["2.5", "10", "1"], ("1", "2.5", "10")),
        (["10", "9", "unknown"], ("10", "9", "unknown")),
        (["nan", "1"], ("1", "nan")),
    ],
)
def test_labels_are_sorted_as_numbers_where_all_are(found, names):
    assert find_labels(found, "train.tsv").names == names


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "train.tsv: no label, expected at least two classes"),
        (["1", "1"], "train.tsv: only one label, '1', expected at least two classes"),
    ],
)
def test_fewer_than_two_classes_are_refused(found, message):
    with pytest.raises(InputError) as error:
        find_labels(found, "train.tsv")
    assert str(error.value) == message


@pytest.mark.parametrize("names", [("a", "b", "a"), ("a", ""), ("a", " b")])
def test_labels_that_are_given_are_checked(names):
    with pytest.raises(InputError, match=r"^--labels: "):
        LabelSet(names, "--labels")


def test_a_label_is_known_by_its_place():
    assert [ABC.index_of(label, "x.tsv:2") for label in ("c", "a")] == [2, 0]
    assert len(ABC) == 3


def test_an_unknown_label_is_named_with_its_place_and_the_known_ones():
    with pytest.raises(InputError) as error:
        ABC.index_of("B", "x.tsv:2")
    assert str(error.value) == "x.tsv:2: unknown label 'B', expected one of 'a', 'b', 'c'"


def test_labels_are_counted():
    examples = [ClassificationExample(f"x:{i}", "t", label) for i, label in enumerate(("a", "b", None, "a"))]
    assert count_labels(examples) == {"a": 2, "b": 1}


# === Weights ===


def test_no_weights_are_ones():
    assert class_weights("none", ABC, {}) == (1.0, 1.0, 1.0)


def test_balanced_weights_are_scikit_learns():
    # compute_class_weight("balanced", …) of scikit-learn 1.9.1
    weights = class_weights("balanced", ABC, {"a": 6, "b": 3, "c": 1})
    assert weights == (0.5555555555555556, 1.1111111111111112, 3.3333333333333335)


def test_balanced_weights_need_an_example_of_each_class():
    with pytest.raises(InputError, match="no training example of 'b', 'c'"):
        class_weights("balanced", ABC, {"a": 6})


def test_weights_that_are_given_come_in_the_order_of_the_labels():
    assert class_weights({"c": 3, "a": 1, "b": 0.5}, ABC, {}) == (1.0, 0.5, 3.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"a": 1, "b": 1}, "no weight for 'c', expected one for each of 'a', 'b', 'c'"),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, "unknown label 'd'"),
        ({"a": 1, "b": 1, "c": 0}, "the weight of 'c' is 0, expected a number above 0"),
        ({"a": 1, "b": 1, "c": float("nan")}, "the weight of 'c' is nan"),
        ({"a": 1, "b": float("inf"), "c": 1}, "the weight of 'b' is inf"),
        ("even", "expected none, balanced or a weight for each label, got 'even'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        class_weights(setting, ABC, {})


@pytest.mark.parametrize(
    ("setting", "parsed"),
    [
        ("none", "none"),
        ("balanced", "balanced"),
        ("0=1,1=2.5", {"0": 1.0, "1": 2.5}),
        ("very bad = 3 , a=b=.5", {"very bad": 3.0, "a=b": 0.5}),
    ],
)
def test_weights_are_read_from_a_flag(setting, parsed):
    assert parse_class_weights(setting) == parsed


@pytest.mark.parametrize("setting", ["", "even", "a=", "=1", "a=1,", "a=1,a=2"])
def test_a_flag_that_is_no_weights_is_refused(setting):
    with pytest.raises(InputError, match=r"^class weights: "):
        parse_class_weights(setting)
