"""Parses a TF-Hub module's SavedModel without running it: its variables, its tokenizer, and two constants.

Arrays are read when they are asked for, so a tokenizer is read without the weights. The GELU variant and the layer-norm
epsilon are read off the graph, because published modules store them nowhere else.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from bert_qa_tf.encoders.sources.weights import canonical_name
from bert_qa_tf.encoders.sources.word_pieces import read_vocab
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, protos, saved_model_ops
from bert_qa_tf.text.tokenization import BertTokenizer

SAVED_MODEL_FILE = "saved_model.pb"
# The factor of x³ in the tanh approximation of the GELU: no other part of BERT has it.
_GELU_TANH_FACTOR = 0.044715
_OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"


@dataclasses.dataclass(frozen=True)
class HubGraph:
    """A parsed SavedModel.

    Attributes:
      path: the SavedModel's folder.
      variables: variable name, without `:0`, → its array, read when it is asked for.
      shapes: variable name → its shape.
      root_values: attribute of the root object → the array of that variable (`do_lower_case`), read when asked for.
      root_assets: attribute of the root object → path of that asset (`vocab_file`).
      graph: the graph and its library of functions.
    """

    path: str
    variables: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, ...]]
    root_values: Mapping[str, np.ndarray]
    root_assets: Mapping[str, str]
    graph: graph_pb2.GraphDef


def read_graph(path: str) -> HubGraph:
    """Parses the SavedModel in the folder `path`, which may be remote.

    Raises:
      InputError: there is no SavedModel of TensorFlow 2, or it is damaged.
    """
    file_name = tf.io.gfile.join(path, SAVED_MODEL_FILE)
    try:
        content = files.read_bytes(file_name, expected="a SavedModel")
        saved_model = protos.parse(saved_model_pb2.SavedModel, content, file_name, "SavedModel")
        meta_graph = saved_model.meta_graphs[0]
        if not meta_graph.object_graph_def.nodes:
            raise InputError(f"{path}: this module is in TensorFlow 1's format, expected a SavedModel of TensorFlow 2")
        if unsafe := saved_model_ops.unsafe_assets(meta_graph):
            raise InputError(f"{path}: this module is refused, because its asset {unsafe[0]!r} lies outside of it")
        objects = meta_graph.object_graph_def.nodes
        assets = {
            child.local_name: tf.io.gfile.join(
                path, "assets", meta_graph.asset_file_def[objects[child.node_id].asset.asset_file_def_index].filename
            )
            for child in objects[0].children
            if objects[child.node_id].WhichOneof("kind") == "asset"
        }
    except IndexError as error:
        raise InputError(f"{file_name}: this is no SavedModel, or it is damaged") from error
    checkpoint = _Checkpoint(tf.io.gfile.join(path, "variables", "variables"))
    names, root_keys = _variable_keys(checkpoint.object_graph(), path)
    return HubGraph(
        path=path,
        variables=_Arrays(checkpoint, names),
        shapes={name: checkpoint.shapes[key] for name, key in names.items() if key in checkpoint.shapes},
        root_values=_Arrays(checkpoint, root_keys),
        root_assets=assets,
        graph=meta_graph.graph_def,
    )


def read_tokenizer(graph: HubGraph) -> BertTokenizer:
    """A module's tokenizer.

    Raises:
      InputError: it has no WordPiece vocabulary, one of the wrong length, or does not state its casing.
    """
    check_word_pieces(graph)
    vocab_file = graph.root_assets.get("vocab_file") or tf.io.gfile.join(graph.path, "assets", "vocab.txt")
    if not tf.io.gfile.exists(vocab_file):
        raise InputError(f"{graph.path}: this module's vocabulary is missing: there is no {vocab_file}")
    if "do_lower_case" not in graph.root_values:
        raise InputError(
            f"{graph.path}: this module does not say whether its vocabulary is lower-cased (do_lower_case)"
        )
    tables = [shape for name, shape in graph.shapes.items() if canonical_name(name) == "embeddings/word_embeddings"]
    # Of a module that is used as it is, the table may have another name.
    size = tables[0][0] if len(tables) == 1 else None
    return BertTokenizer(read_vocab(vocab_file, size), bool(graph.root_values["do_lower_case"]), source=graph.path)


def check_word_pieces(graph: HubGraph) -> None:
    """Refuses a module whose vocabulary is of another kind.

    Raises:
      InputError: it has a SentencePiece model.
    """
    if "sp_model_file" in graph.root_assets and "vocab_file" not in graph.root_assets:
        raise InputError(f"{graph.path}: this module has a SentencePiece model; a WordPiece vocab_file is expected")


def find_activation(graph: graph_pb2.GraphDef, path: str) -> str:
    """The activation of the encoder's wide layers: "gelu" (exact), "gelu_tanh" or "relu".

    Raises:
      InputError: the graph holds none of the three, or signs of more than one.
    """
    operations = {node.op for node in _all_nodes(graph)}
    constants = (_scalar(node) for node in _all_nodes(graph) if node.op == "Const")
    found = []
    if operations & {"Erf", "Erfc"}:
        found.append("gelu")
    if any(value is not None and abs(value - _GELU_TANH_FACTOR) < 1e-7 for value in constants):
        found.append("gelu_tanh")
    if "Relu" in operations and not found:
        found.append("relu")
    if len(found) != 1:
        raise InputError(
            f"{path}: cannot tell the encoder's activation from its graph: expected signs of one of gelu, gelu_tanh, "
            f"relu, found {' and '.join(found) or 'none'}"
        )
    return found[0]


def find_layer_norm_epsilon(graph: graph_pb2.GraphDef, path: str) -> float:
    """The constant under the square root of the layer norms, 1 / √(variance + epsilon).

    Raises:
      InputError: the graph holds no such constant, or several different ones.
    """
    found = set()
    for nodes in _scopes(graph):
        by_name = {node.name: node for node in nodes}
        for node in nodes:
            if node.op.startswith("FusedBatchNorm") and "Grad" not in node.op:
                found.add(float(np.float32(node.attr["epsilon"].f).astype(str)))
            if node.op == "Rsqrt":
                found |= _addends(node, by_name)
    if len(found) != 1:
        raise InputError(
            f"{path}: cannot tell the layer-norm epsilon from the module's graph: expected one value, "
            f"found {sorted(found) or 'none'}"
        )
    return found.pop()


def _addends(rsqrt: node_def_pb2.NodeDef, by_name: Mapping[str, node_def_pb2.NodeDef]) -> set[float]:
    """The scalar constants that are added right under a reciprocal square root."""
    addition = by_name.get(_producer(rsqrt.input[0]))
    if addition is None or addition.op not in ("Add", "AddV2"):
        return set()
    values = {_scalar(by_name[_producer(name)]) for name in addition.input if _producer(name) in by_name}
    # float32's 9.99999996e-13 is the shortest decimal that it stands for: 1e-12.
    return {float(np.float32(value).astype(str)) for value in values if value is not None}


def _scopes(graph: graph_pb2.GraphDef) -> Iterator[list[node_def_pb2.NodeDef]]:
    """The nodes of the graph itself, then those of each of its functions: names are unique within each."""
    yield list(graph.node)
    for function in graph.library.function:
        yield list(function.node_def)


def _all_nodes(graph: graph_pb2.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    for nodes in _scopes(graph):
        yield from nodes


def _producer(input_name: str) -> str:
    return input_name.removeprefix("^").split(":")[0]


def _scalar(node: node_def_pb2.NodeDef) -> float | None:
    """The value of a constant of one floating-point number; None for any other node."""
    if node.op != "Const":
        return None
    tensor = node.attr["value"].tensor
    if tensor.tensor_shape.dim or not tf.as_dtype(tensor.dtype).is_floating:
        return None
    return float(tf.make_ndarray(tensor))


class _Checkpoint:
    """A SavedModel's variables, read without loading any function.

    Args:
      prefix: of the checkpoint's files.

    Attributes:
      shapes: key → shape of its array.

    Raises:
      InputError: from each method too: the checkpoint is missing or damaged.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        with self._explained():
            # Not tf.train.load_checkpoint, which takes the prefix for a folder on some file systems.
            self._reader = tf.compat.v1.train.NewCheckpointReader(prefix)
            self.shapes = {key: tuple(shape) for key, shape in self._reader.get_variable_to_shape_map().items()}

    def object_graph(self) -> trackable_object_graph_pb2.TrackableObjectGraph:
        """Which object has which variable."""
        with self._explained():
            return protos.parse(
                trackable_object_graph_pb2.TrackableObjectGraph,
                self._reader.get_tensor(_OBJECT_GRAPH_KEY),
                self._prefix,
                "checkpoint",
            )

    def array(self, key: str) -> np.ndarray:
        """The array of one variable."""
        with self._explained():
            return self._reader.get_tensor(key)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (tf.errors.OpError, IndexError, RuntimeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{self._prefix}: cannot read this SavedModel's variables ({reason})") from error


class _Arrays(Mapping[str, np.ndarray]):
    """Arrays of a checkpoint by name, read when they are asked for; `keys` has the checkpoint's key of each."""

    def __init__(self, checkpoint: _Checkpoint, keys: Mapping[str, str]) -> None:
        self._checkpoint = checkpoint
        self._keys = keys

    def __getitem__(self, name: str) -> np.ndarray:
        return self._checkpoint.array(self._keys[name])

    def __contains__(self, name: object) -> bool:
        return name in self._keys  # Mapping's own would read the array

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _variable_keys(
    objects: trackable_object_graph_pb2.TrackableObjectGraph, path: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Variable name → key in the checkpoint, and attribute of the root object → that of its variable."""
    named: dict[str, str] = {}
    key_of_node: dict[int, str] = {}
    for number, node in enumerate(objects.nodes):
        for attribute in node.attributes:
            if attribute.name != _VALUE:
                continue
            if attribute.full_name in named:
                raise InputError(f"{path}: two variables of this module have the name {attribute.full_name!r}")
            named[attribute.full_name] = key_of_node[number] = attribute.checkpoint_key
    children = objects.nodes[0].children if objects.nodes else ()
    root = {child.local_name: key_of_node[child.node_id] for child in children if child.node_id in key_of_node}
    return named, root
