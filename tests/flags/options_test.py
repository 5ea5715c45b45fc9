"""Flags that are made of config classes: which there are, which were given, which are another task's."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Literal

import pytest
from absl import flags as absl_flags

from bert_qa_tf import flags, tasks
from bert_qa_tf.config.options import option, options_of
from bert_qa_tf.errors import InputError

OPTIONS_OF_COMMANDS = {
    "create_tfrecords": ("conversion_config",),
    "train": ("training_config",),
    "evaluate": ("answering_config", "reference_config"),
    "predict": ("answering_config", "request_config"),
    "export": ("answering_config", "export_config"),
    "client": ("request_config",),
}


@dataclasses.dataclass(frozen=True)
class BreadConfig:
    grams: int = option(500, "How much.")
    flour: Literal["rye", "wheat"] = option("rye", "Of what.")
    seeds: tuple[str, ...] = option((), "With what.")
    crust: bool = option(True, "Whether it has one.")
    note: str | None = option(None, "What to say.")


@dataclasses.dataclass(frozen=True)
class CakeConfig:
    grams: int = option(800, "How much.")
    layers: int = option(2, "How many.")


@dataclasses.dataclass(frozen=True)
class PieConfig:
    slices: int = option(8, "How many.")


class Bread:
    name = "bread"
    request_config = BreadConfig
    asks_timed_text = False


class Cake:
    name = "cake"
    request_config = CakeConfig
    asks_timed_text = True

    @staticmethod
    def request(options, input_file, output_file, timed_texts):
        return Asked(options, input_file, output_file, timed_texts)


class Pie:
    """Of no command's groups, as a task that is not registered."""

    name = "kitchen:Pie"
    request_config = PieConfig


class Asked(tuple):
    was_read = False

    def __new__(cls, *parts):
        return super().__new__(cls, parts)

    def read(self):
        self.was_read = True


def parsed(*argv, overrides=False):
    values = absl_flags.FlagValues()
    for config in (BreadConfig, CakeConfig):
        flags.option_group("Things", config, overrides=overrides)(values)
    for name in ("input_file", "output_file"):
        absl_flags.DEFINE_string(name, None, "", flag_values=values)
    values(["command", *argv])
    return values


# === Flags ===========================================================================================================


def test_each_option_is_a_flag_of_its_type():
    argv = ("--grams=1", "--flour=wheat", "--seeds=poppy,sesame", "--nocrust", "--note=warm", "--layers=3")
    values = parsed(*argv)
    assert (values.grams, values.flour, values.seeds, values.crust, values.note, values.layers) == (
        1,
        "wheat",
        ["poppy", "sesame"],
        False,
        "warm",
        3,
    )


def test_flags_have_the_defaults_of_the_config():
    values = parsed()
    assert (values.grams, values.flour, values.seeds, values.crust, values.note) == (500, "rye", [], True, None)


def test_flags_that_override_have_no_defaults_and_say_so():
    values = parsed(overrides=True)
    assert (values.grams, values.flour, values.seeds, values.crust) == (None, None, None, None)
    assert values["grams"].help == "How much. By default as in training."


def test_a_value_that_is_no_choice_is_refused():
    with pytest.raises(absl_flags.Error, match="sand"):
        parsed("--flour=sand")


def test_a_group_of_flags_has_its_heading():
    assert flags.option_group("Bread", BreadConfig).__doc__ == "Bread."
    assert flags.switch_group("Switches", {}).__doc__ == "Switches."


def test_switches_are_off():
    values = absl_flags.FlagValues()
    flags.switch_group("Switches", {"warm": "Warm it.", "slice": "Slice it."})(values)
    values(["command", "--slice"])
    assert (values.warm, values.slice) == (False, True)


# === What was given ==================================================================================================


def test_given_options_are_those_that_were_typed():
    assert flags.given_options(parsed("--crust", "--grams=500"), BreadConfig) == {"crust": True, "grams": 500}
    assert flags.given_options(parsed("--layers=3"), BreadConfig) == {}
    assert flags.given_options(parsed("--layers=3", "--nocrust"), BreadConfig, CakeConfig) == {
        "crust": False,
        "layers": 3,
    }


def test_options_without_a_flag_are_not_given():
    assert flags.given_options(parsed("--grams=1"), PieConfig) == {}


def test_options_of_another_task_are_refused_and_shared_ones_are_not():
    values = parsed("--grams=1", "--layers=3")
    assert flags.task_options(values, Cake, "request_config", [Bread, Cake]) == {"grams": 1, "layers": 3}
    with pytest.raises(InputError, match=r"^--layers is no option of the task bread; --help lists each task's$"):
        flags.task_options(values, Bread, "request_config", [Bread, Cake])
    with pytest.raises(InputError, match=r"^--grams is no option of the task kitchen:Pie"):
        flags.task_options(values, Pie, "request_config", [Bread, Cake])


# === What is asked ===================================================================================================


@pytest.mark.parametrize(
    ("argv", "task"),
    [
        (["--layers=3"], Cake),
        (["--note=warm"], Bread),
        (["--grams=1"], None),
        (["--layers=3", "--note=warm"], None),
        (["--input_file=a"], None),
    ],
)
def test_the_task_is_the_one_whose_options_were_given(argv, task):
    assert flags.task_of_request(parsed(*argv), [Bread, Cake]) is task


def test_a_request_is_made_of_the_task_s_options_and_read():
    sources = {"audio": ("a.wav", None)}
    request = flags.read_request(parsed("--layers=3", "--input_file=a"), Cake, [Bread, Cake], sources)
    # What was not given is the task's own default, not that of the flag, which Bread made.
    assert request == (CakeConfig(grams=800, layers=3), "a", None, sources)
    assert request.was_read


def test_a_transcript_for_a_task_that_reads_none_is_refused():
    sources = {"transcript_file": (None, None), "audio": ("a.wav", None)}
    with pytest.raises(InputError, match=r"^--audio is no option of the task bread"):
        flags.read_request(parsed(), Bread, [Bread, Cake], sources)


# === The commands' own ===============================================================================================


@pytest.mark.parametrize(("name", "kinds"), OPTIONS_OF_COMMANDS.items(), ids=OPTIONS_OF_COMMANDS)
def test_no_option_of_a_task_is_a_flag_of_another_kind(name, kinds):
    values = absl_flags.FlagValues()
    for group in importlib.import_module(f"bert_qa_tf.{name}").FLAG_GROUPS:
        group(values)
    for task in tasks.all_tasks():
        for config in (getattr(task, kind) for kind in kinds):
            alone = absl_flags.FlagValues()
            flags.option_group("Alone", config)(alone)
            for one in options_of(config):
                found, wanted = values[one.name], alone[one.name]
                assert (type(found), found.flag_type()) == (type(wanted), wanted.flag_type()), (task.name, one.name)
