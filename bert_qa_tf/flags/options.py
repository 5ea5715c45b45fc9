"""Makes flags from the options of config classes (`config.options`), and config objects from flags."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from absl import flags

from bert_qa_tf.config.options import Option, from_options, options_of
from bert_qa_tf.errors import InputError

Values = flags.FlagValues
Group = Callable[[Values], None]
ConfigKind = Literal[
    "conversion_config", "training_config", "answering_config", "export_config", "reference_config", "request_config"
]

# Flags that name something to read, beside those whose names end in `_file`.
_READ = ("audio", "encoder_handle", "model_dir", "saved_model")
_AS_TRAINED = " By default as in training."
_DEFINE = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    tuple: flags.DEFINE_list,
}


def option_group(heading: str, config: type, *, overrides: bool = False) -> Group:
    """Makes a group of flags, one for each option of a config class that no other group has defined.

    Args:
      heading: the group's heading in `--help`.
      config: the config class.
      overrides: whether the flags override settings of a trained model; if so, they have no defaults.
    """
    group = functools.partial(_define, config=config, overrides=overrides)
    group.__doc__ = f"{heading}."
    return group


def switch_group(heading: str, switches: Mapping[str, str]) -> Group:
    """Makes a group of boolean flags.

    Args:
      heading: the group's heading in `--help`.
      switches: name → help text.
    """

    def group(values: Values) -> None:
        for name, text in switches.items():
            flags.DEFINE_bool(name, False, text, flag_values=values)

    group.__doc__ = f"{heading}."
    return group


def given_options(values: Values, *configs: type) -> dict[str, Any]:
    """Returns flag → value for those options of some config classes that the user gave.

    An option that was not given keeps the default of its config class, which may differ from the flag's: the flag may
    come from another class with an option of the same name. Options of a task that is not registered have no flag.
    """
    names = {option.name for config in configs for option in options_of(config)}
    return {name: values[name].value for name in sorted(names) if name in values and values[name].present}


def task_options(values: Values, task: Any, kind: ConfigKind, all_tasks: Iterable[Any]) -> dict[str, Any]:
    """Returns flag → value for the options of a task that the user gave.

    Args:
      values: the command's flags.
      task: the task, see `tasks.base.Task`.
      kind: which of its config classes has the options.
      all_tasks: the tasks whose options of that kind the command has as flags.

    Raises:
      InputError: an option of another task was given.
    """
    known = given_options(values, getattr(task, kind))
    for name in given_options(values, *(getattr(other, kind) for other in all_tasks)):
        if name not in known:
            raise refusal(name, task)
    return known


def task_config(values: Values, task: Any, kind: ConfigKind, all_tasks: Iterable[Any]) -> Any:
    """Makes the config object of a task from the given flags; see `task_options`.

    Raises:
      InputError: an option of another task was given, or a value is invalid.
    """
    return from_options(getattr(task, kind), task_options(values, task, kind, all_tasks))


def refusal(name: str, task: Any) -> InputError:
    """The error for a flag that belongs to another task."""
    return InputError(f"--{name} is no option of the task {task.name}; --help lists each task's")


def task_of_request(values: Values, all_tasks: Iterable[Any]) -> Any | None:
    """The task whose request flags were given; None if the flags do not tell."""
    asked = [task for task in all_tasks if given_options(values, task.request_config)]
    return asked[0] if len(asked) == 1 else None


def input_paths(values: Values) -> list[str]:
    """Returns the files and folders that the given flags name for reading."""
    paths = []
    for name in values:
        reads = name.endswith("_file") or name in _READ
        value = values[name].value
        if reads and name != "output_file" and value:
            paths += [value] if isinstance(value, str) else value
    return paths


def read_request(
    values: Values, task: Any, all_tasks: Iterable[Any], timed_texts: Mapping[str, tuple[str | None, Any]]
) -> Any:
    """Makes the request of `predict` or `client` from the given flags, and reads and checks its input.

    Args:
      values: the command's flags.
      task: the model's task, see `tasks.base.Task`.
      all_tasks: the tasks whose request options the command has as flags.
      timed_texts: see `Task.request`.

    Raises:
      InputError: the flags give no input or more than one, or it cannot be read.
    """
    options = task_config(values, task, "request_config", all_tasks)
    given = [name for name, (path, _) in timed_texts.items() if path is not None]
    if given and not task.asks_timed_text:
        raise refusal(given[0], task)
    request = task.request(options, values.input_file, values.output_file, timed_texts)
    request.read()
    return request


def _define(values: Values, config: type, overrides: bool) -> None:
    for option in options_of(config):
        if option.name not in values:
            _define_option(values, option, overrides)


def _define_option(values: Values, option: Option, overrides: bool) -> None:
    default, text = (None, f"{option.text}{_AS_TRAINED}") if overrides else (option.default, option.text)
    if option.choices:
        flags.DEFINE_enum(option.name, default, list(option.choices), text, flag_values=values)
    else:
        default = list(default) if option.kind is tuple and default is not None else default
        _DEFINE[option.kind](option.name, default, text, flag_values=values)
