"""What a SavedModel may do when it is loaded and run."""

import hashlib
import pathlib

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of exported models
from tensorflow.core.protobuf import saved_model_pb2

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import cache, saved_model_ops, saved_model_trust
from tests import testing

TEXT = [tf.TensorSpec([], tf.string)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(saved_model_trust, "_trusted", set())


def save(folder, body, **attributes):
    """Writes a SavedModel whose `serving_default` takes a text and returns what `body` makes of it."""
    module = tf.Module()
    module.variable = tf.Variable(1.0)  # so that it has functions to save and restore
    for name, value in attributes.items():
        setattr(module, name, value)
    module.serve = tf.function(lambda x: {"y": body(x)}, input_signature=TEXT)
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    return str(folder)


def harmful(folder):
    model = saved_model_pb2.SavedModel.FromString(pathlib.Path(folder, "saved_model.pb").read_bytes())
    return [name for graph in model.meta_graphs for name in saved_model_ops.harmful_operations(graph)]


def table(filename):
    handle = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    tf.raw_ops.InitializeTableFromTextFileV2(
        table_handle=handle, filename=filename, key_index=-2, value_index=-1, vocab_size=-1, delimiter=":"
    )
    return handle


def write(x):
    tf.io.write_file("/never/written", x)
    return x


def say(x, where):
    tf.print(x, output_stream=where)
    return x


def restore(x):
    return tf.raw_ops.RestoreV2(prefix=x, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32])[0]


def keep(x):
    tf.raw_ops.SaveV2(prefix=x, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)])
    return x


def table_of_a_file(x):
    table("/etc/passwd")
    return x


def table_of_a_file_named_elsewhere(x):
    tf.function(lambda name: tf.identity(name) if table(tf.identity(name)) is not None else name, input_signature=TEXT)(
        "/etc/passwd"
    )
    return x


def table_of_a_file_named_by_the_request(x):
    table(x)
    return x


def lines(x):
    return tf.data.TextLineDataset(x).reduce(0, lambda count, _: count + 1)


def debugged(x):
    return tf.raw_ops.DebugIdentityV2(
        input=x,
        tfdbg_context_id="a",
        op_name="a",
        output_slot=0,
        tensor_debug_mode=1,
        debug_urls=["file:///never/written"],
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (tf.io.read_file, ["ReadFile"]),
        (write, ["WriteFile"]),
        (tf.io.matching_files, ["MatchingFiles"]),
        (restore, ["RestoreV2"]),
        (keep, ["SaveV2"]),
        (lambda x: say(x, "file:///never/written"), ["PrintV2"]),
        (table_of_a_file, ["InitializeTableFromTextFileV2"]),
        (table_of_a_file_named_elsewhere, ["InitializeTableFromTextFileV2"]),
        (table_of_a_file_named_by_the_request, ["InitializeTableFromTextFileV2"]),
        (lambda x: tf.py_function(lambda y: y, [x], tf.string), ["EagerPyFunc"]),
        (lambda x: tf.numpy_function(lambda y: y, [x], tf.string), ["PyFunc"]),
        (lines, ["FlatMapDataset", "ReduceDataset", "TensorSliceDataset", "TextLineDataset"]),
        (debugged, ["DebugIdentityV2"]),
        (lambda x: tf.cond(tf.equal(x, "a"), lambda: tf.io.read_file(x), lambda: x), ["ReadFile"]),
        (lambda x: tf.io.decode_proto(x[None], "a", ["b"], [tf.string], "/etc/passwd")[0], ["DecodeProtoV2"]),
        (lambda x: tf.raw_ops.ImmutableConst(dtype=tf.uint8, shape=[1], memory_region_name="/a"), ["ImmutableConst"]),
    ],
)
def test_what_reaches_beyond_the_process_is_named(tmp_path, body, expected):
    assert harmful(save(tmp_path / "model", body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        lambda x: tf.strings.length(x),
        lambda x: say(x, tf.compat.v1.logging.info),
        lambda x: tf.random.uniform([2]),
        lambda x: tf.while_loop(lambda i: i < 3, lambda i: [i + 1], [tf.strings.length(x)])[0],
        lambda x: tf.map_fn(tf.strings.length, x[None], fn_output_signature=tf.int32),
    ],
)
def test_what_stays_within_the_process_is_harmless(tmp_path, body):
    assert harmful(save(tmp_path / "model", body)) == []


def change(folder, change_graph):
    """Changes the program of a SavedModel; `change_graph` gets its meta graph, and its functions by name."""
    path = pathlib.Path(folder, "saved_model.pb")
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    [graph] = model.meta_graphs
    change_graph(graph, {function.signature.name: function for function in graph.graph_def.library.function})
    path.write_bytes(model.SerializeToString())


def test_a_function_that_saves_may_be_called_in_no_other_way(tmp_path):
    def call_by_operation(graph, functions):
        [saving] = [name for name in functions if "traced_save" in name]
        function = next(function for name, function in functions.items() if "traced" not in name)
        function.node_def.add(name="call", op=saving)

    def call_by_attribute(graph, functions):
        [saving] = [name for name in functions if "traced_save" in name]
        calls = [node for function in functions.values() for node in function.node_def if node.attr["f"].func.name]
        calls[0].attr["f"].func.attr["given"].func.name = saving

    def call_by_exchange(graph, functions):
        [saving] = [name for name in functions if "traced_save" in name]
        functions[saving].attr["api_implements"].s = b"a"

    for number, call in enumerate((call_by_operation, call_by_attribute, call_by_exchange)):
        folder = save(tmp_path / str(number), tf.strings.length)
        assert harmful(folder) == []
        change(folder, call)
        assert {"MergeV2Checkpoints", "SaveV2"} <= set(harmful(folder))


def test_a_place_to_print_to_that_a_caller_gives_is_refused(tmp_path):
    def give(graph, functions):
        for function in functions.values():
            for node in function.node_def:
                if node.op == "PrintV2":
                    node.attr["output_stream"].placeholder = "where"

    folder = save(tmp_path / "model", lambda x: say(x, tf.compat.v1.logging.info))
    change(folder, give)
    assert harmful(folder) == ["PrintV2"]


def test_a_model_whose_graph_is_run_as_a_whole_is_refused(tmp_path):
    folder = save(tmp_path / "model", tf.strings.length)
    change(folder, lambda graph, _: graph.ClearField("object_graph_def"))
    with pytest.raises(InputError, match="refused, because it is in TensorFlow 1's format"):
        saved_model_trust.check(folder)


def vocabulary_model(tmp_path):
    (tmp_path / "vocab.txt").write_text("a\nb\n", encoding="utf-8")
    lookup = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(tmp_path / "vocab.txt"),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        1,
    )
    return save(tmp_path / "model", lookup.lookup, lookup=lookup)


def test_a_table_of_what_only_seems_an_asset_is_refused(tmp_path):
    def register(graph, _):
        for node in graph.object_graph_def.nodes:
            if node.WhichOneof("kind") == "asset":
                node.registered_name = "tf.TrackableConstant"  # TensorFlow makes a constant of the graph of it

    folder = vocabulary_model(tmp_path)
    change(folder, register)
    assert harmful(folder) == ["InitializeTableFromTextFileV2"]


def test_a_table_of_an_asset_is_harmless_and_works(tmp_path):
    folder = vocabulary_model(tmp_path)
    assert harmful(folder) == []
    assert tf.saved_model.load(folder).signatures["serving_default"](tf.constant("b"))["y"].numpy() == 1


@pytest.mark.slow
def test_a_module_that_is_written_here_is_harmless(tmp_path):
    # Exported models are loaded, and so checked, by the tests of serving.
    folder = testing.tiny_hub_module(tmp_path)
    assert harmful(folder) == []
    saved_model_trust.check(folder)


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../b", "gs://bucket/a"])
def test_an_asset_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    folder = save(tmp_path / "model", tf.identity)
    path = pathlib.Path(folder, "saved_model.pb")
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    model.meta_graphs[0].asset_file_def.add().filename = name
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="this SavedModel is refused"):
        saved_model_trust.check(folder)


def test_what_is_refused_is_said_with_its_digest_and_may_be_trusted(tmp_path):
    folder = save(tmp_path / "model", tf.io.read_file)
    digest = hashlib.sha256(pathlib.Path(folder, "saved_model.pb").read_bytes()).hexdigest()
    with pytest.raises(InputError) as caught:
        saved_model_trust.check(folder)
    assert str(caught.value) == (
        f"{folder}: this SavedModel is refused, because it reaches files, the network or other programs (ReadFile); "
        f"its program, saved_model.pb, has SHA-256 {digest}. If you trust whoever made it, add --trust"
    )
    saved_model_trust.trust(folder)
    saved_model_trust.check(folder)
    saved_model_trust._trusted.clear()  # as in another process
    saved_model_trust.check(folder)
    assert cache.was_checked(f"trusted-{digest}")


def test_another_program_is_not_trusted_with_the_first(tmp_path):
    saved_model_trust.trust(save(tmp_path / "a", tf.io.read_file))
    with pytest.raises(InputError, match="WriteFile"):
        saved_model_trust.check(save(tmp_path / "b", write))


def test_of_an_address_the_digest_is_said_once(tmp_path, caplog):
    folder = save(tmp_path / "model", tf.identity)
    saved_model_trust.check(folder)
    assert not caplog.records
    for _ in range(2):
        saved_model_trust.check(folder, "https://me:secret@host/model.tar.gz")
    (record,) = caplog.records
    digest = hashlib.sha256(pathlib.Path(folder, "saved_model.pb").read_bytes()).hexdigest()
    assert record.getMessage() == (
        "https://host/model.tar.gz: a SavedModel is a program, which is run now for the first time; it reaches no "
        f"files or network (saved_model.pb has SHA-256 {digest})"
    )


@pytest.mark.parametrize("content", [b"no model", b"\x12\x05abcde"])
def test_what_is_no_saved_model_is_one_line(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match="this is no SavedModel, or it is damaged"):
        saved_model_trust.check(str(tmp_path))
    with pytest.raises(InputError, match="cannot read this file"):
        saved_model_trust.check(str(tmp_path / "none"))
