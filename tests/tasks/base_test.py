"""What a task has where it says nothing itself."""

from __future__ import annotations

import dataclasses

import pytest

from bert_qa_tf.config.options import option
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.base import Comparison, NoOptions, Task
from bert_qa_tf.tasks.classification.task import Classification


@dataclasses.dataclass(frozen=True)
class Settings:
    sides: int = option(6, "How many.")


class Dice(Task):
    """Concrete, without anything of its own."""

    def _nothing(self, *arguments, **options):
        pytest.fail("not asked for here")

    converter = from_json = build_model = losses = answerer = request = read_reference = evaluate = _nothing
    export_modules = built_in_examples = model_inputs = to_columns = from_columns = compare = card_text = _nothing
    max_seq_length = 1


class NamedDice(Dice):
    name = "dice"
    title = "Throwing dice"


class LoadedDice(NamedDice):
    pass


def test_a_task_is_named_by_its_module_and_class_unless_it_says_otherwise():
    assert (Dice.name, Dice.title) == (f"{__name__}:Dice", "Dice")
    assert (NamedDice.name, NamedDice.title) == ("dice", "Throwing dice")
    # A name is never taken over: a manifest would name another class.
    assert (LoadedDice.name, LoadedDice.title) == (f"{__name__}:LoadedDice", "LoadedDice")


def test_a_task_without_options_has_none():
    assert {Dice.training_config, Dice.answering_config, Dice.export_config, Dice.reference_config} == {NoOptions}
    assert Dice.baselines() == {}
    assert Dice.page is None
    assert not Dice.asks_timed_text


def test_a_task_without_development_examples_scores_none():
    assert Dice(Settings()).development_scorer("train_dir", None, None, 8) is None
    assert Dice.development_examples("train_dir") == []


def test_options_replace_settings():
    dice = Dice(Settings())
    assert dice.with_options({}) is dice
    assert dice.with_options({"sides": 20}).settings == Settings(20)
    assert dice.settings_json() == {"sides": 6}


def test_predictions_of_a_task_without_a_form_for_them_are_refused():
    with pytest.raises(InputError, match=r"^--predictions_file=p\.json: not for the task classification$"):
        Classification.evaluate_predictions(None, "p.json")


def test_a_report_has_a_row_for_each_number():
    table = Dice.format_report("throws.json", {"fair": {"total": 2, "luck": 0.5, "note": "a"}})
    assert [line.split() for line in table.splitlines()] == [
        ["throws.json", "(2", "examples)", "fair"],
        ["luck", "0.50"],
    ]


def test_a_comparison_counts_all_that_was_compared():
    assert Comparison(same=3, ties=["a"], wrong=["b", "c"]).total == 6
