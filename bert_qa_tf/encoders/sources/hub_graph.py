"""What a SavedModel says about its BERT encoder without being run: its variables, assets and two constants.

What goes in: a SavedModel folder. What comes out: arrays by variable name, the attributes of the module's root object,
and the GELU variant and layer-norm epsilon, which published modules store nowhere but in their graphs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf import message
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files

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
      variables: variable name, without `:0`, → its array.
      root_values: attribute of the root object → the array of that variable (`do_lower_case`).
      root_assets: attribute of the root object → path of that asset (`vocab_file`).
      graph: the graph and its library of functions.
    """

    path: str
    variables: Mapping[str, np.ndarray]
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
        saved_model = saved_model_pb2.SavedModel.FromString(files.read_bytes(file_name, expected="a SavedModel"))
        meta_graph = saved_model.meta_graphs[0]
        if not meta_graph.object_graph_def.nodes:
            raise InputError(f"{path}: this module is in TensorFlow 1's format, expected a SavedModel of TensorFlow 2")
        values, checkpoint_graph = _read_variables(path)
    except tf.errors.OpError as error:
        raise InputError(f"{path}: cannot read this SavedModel ({error.message.splitlines()[0]})") from error
    except (message.DecodeError, IndexError) as error:
        raise InputError(f"{file_name}: this is no SavedModel, or it is damaged") from error
    objects = meta_graph.object_graph_def.nodes
    assets = {
        child.local_name: tf.io.gfile.join(
            path, "assets", meta_graph.asset_file_def[objects[child.node_id].asset.asset_file_def_index].filename
        )
        for child in objects[0].children
        if objects[child.node_id].WhichOneof("kind") == "asset"
    }
    root_values = {
        child.local_name: values[child.node_id]
        for child in checkpoint_graph.nodes[0].children
        if child.node_id in values
    }
    return HubGraph(
        path=path,
        variables=_by_name(checkpoint_graph, values, path),
        root_values=root_values,
        root_assets=assets,
        graph=meta_graph.graph_def,
    )


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


def _read_variables(
    path: str,
) -> tuple[dict[int, np.ndarray], trackable_object_graph_pb2.TrackableObjectGraph]:
    """Every variable's array by the number of its object, read without loading any function."""
    prefix = tf.io.gfile.join(path, "variables", "variables")
    try:
        # Not tf.train.load_checkpoint, which takes the prefix for a folder on some file systems.
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH_KEY))
        values = {
            number: reader.get_tensor(attribute.checkpoint_key)
            for number, node in enumerate(objects.nodes)
            for attribute in node.attributes
            if attribute.name == _VALUE
        }
    except (tf.errors.OpError, message.DecodeError, IndexError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{prefix}: cannot read this SavedModel's variables ({reason})") from error
    return values, objects


def _by_name(
    objects: trackable_object_graph_pb2.TrackableObjectGraph, values: Mapping[int, np.ndarray], path: str
) -> dict[str, np.ndarray]:
    named: dict[str, np.ndarray] = {}
    for number, array in values.items():
        name = next(a.full_name for a in objects.nodes[number].attributes if a.name == _VALUE)
        if name in named:
            raise InputError(f"{path}: two variables of this module have the name {name!r}")
        named[name] = array
    return named
