"""Tells which operations of a SavedModel reach beyond the process: files, the network, Python, other programs.

A SavedModel is a program, which runs with the rights of whoever loads it. TensorFlow marks operations with state or
side effects as stateful; of these, only those below are harmless. Of the others, only those below are not. So an
operation that a later TensorFlow adds is refused, unless it computes its outputs from its inputs and nothing else.

Two uses of files are part of a model, and are no fault: the functions that save and restore its variables, which
nothing calls but the graph that TensorFlow 2 leaves alone, and tables that are filled from an asset of the model. Both
hold only for models of TensorFlow 2's format, which are loaded function by function: see `is_of_tensorflow_2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tensorflow.core.framework import attr_value_pb2, node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

# Variables, random numbers, tables, arrays, calls of other functions: all stay within the process.
_HARMLESS = re.compile(
    r"(?:Stateful)?PartitionedCall|If|While|Case|Assert|CheckNumerics(?:V2)?|Empty|DeepCopy|GuaranteeConst|Placeholder"
    r"|(?:_?Var(?:iable)?(?:HandleOp|IsInitializedOp|Shape|V2)?)|TemporaryVariable|DestroyTemporaryVariable"
    r"|ReadVariableOp|Assign(?:Add|Sub)?VariableOp|DisableCopyOnRead|DestroyResourceOp|IsTensorFloat32Enabled"
    r"|Resource(?:Apply|SparseApply|Scatter|Gather|StridedSlice|CountUpTo)\w*"
    r"|(?:Anonymous)?(?:Mutable(?:Dense)?)?HashTable(?:OfTensors)?(?:V2)?|LookupTable\w+|InitializeTableV2"
    r"|Random(?:Uniform|UniformInt|StandardNormal|Gamma|Poisson|PoissonV2|Shuffle|Crop)|TruncatedNormal|Multinomial"
    r"|ParameterizedTruncatedNormal|Stateful(?:Uniform|StandardNormal|TruncatedNormal|Random)\w*|NonDeterministicInts"
    r"|Rng(?:Skip|ReadAndSkip)|StatelessRandomGetAlg|(?:TensorArray|Stack)\w*|CudnnRNN\w*|DeviceIndex"
    r"|Sentencepiece\w+|WordpieceTokenizeWithOffsets"
)
# These have no state, but read or write files, or run code that is not in the graph.
_HARMFUL = re.compile(
    r"_.*|.*Dataset.*|.*Iterator.*|Reader.*|.*PyFunc.*|Debug.*|Copy(?:Host)?|ReadFile|MatchingFiles"
    r"|GenerateVocabRemapping|(?:De|En)code(?:Proto|ProtoV2)|XlaCustomCall.*|Mlir.*|TPU.*|Restore.*|Save.*"
    r"|ImmutableConst|Abort"  # the first maps a file into memory, the second ends the process
)
_CHECKPOINT_OPS = {"SaveV2", "RestoreV2", "MergeV2Checkpoints"}
_TABLE_OPS = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"}
_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
# TensorFlow's optimizer may run one function in the place of another that has the same value of this attribute.
_EXCHANGEABLE = "api_implements"


def is_of_tensorflow_2(model: saved_model_pb2.SavedModel) -> bool:
    """Returns whether TensorFlow loads a model function by function; otherwise it runs its graph as a whole."""
    return len(model.meta_graphs) == 1 and len(model.meta_graphs[0].object_graph_def.nodes) > 0


def harmful_operations(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    """Returns the names of the operations that reach beyond the process, sorted.

    Args:
      meta_graph: of a SavedModel. Ops that are not registered in this process are left out: TensorFlow refuses them.
    """
    graph = _Graph(meta_graph)
    return sorted({node.op for scope, node in graph.all_nodes() if not _is_harmless(graph, scope, node)})


def unsafe_assets(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    """Returns the names of assets that lead out of the model's own folder."""
    names = [asset.filename for asset in meta_graph.asset_file_def]
    return [name for name in names if name.startswith("/") or "\\" in name or ".." in name.split("/") or "://" in name]


def _is_harmless(graph: _Graph, scope: str, node: node_def_pb2.NodeDef) -> bool:
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(node.op)
    if definition is None:
        return True
    if node.op in _TABLE_OPS:
        return graph.is_asset(scope, node.input[1])
    if node.op in _CHECKPOINT_OPS:
        return scope in graph.saver_functions
    if node.op in ("Print", "PrintV2"):
        stream = node.attr["output_stream"]  # a placeholder stands for what a caller gives
        return not stream.placeholder and not stream.s.startswith(b"file")
    if definition.is_stateful:
        return _HARMLESS.fullmatch(node.op) is not None
    return _HARMFUL.fullmatch(node.op) is None


class _Graph:
    """A graph and its functions: who calls whom, and where file names come from.

    A scope is the name of a function, "" for the graph itself.

    Args:
      meta_graph: of a SavedModel.

    Attributes:
      saver_functions: the functions that nobody but the saver calls.
    """

    def __init__(self, meta_graph: meta_graph_pb2.MetaGraphDef) -> None:
        self._meta_graph = meta_graph
        library = meta_graph.graph_def.library
        self._functions = {function.signature.name: function for function in library.function}
        self._nodes: dict[str, list[node_def_pb2.NodeDef]] = {"": list(meta_graph.graph_def.node)}
        self._nodes |= {name: list(function.node_def) for name, function in self._functions.items()}
        self._by_name = {scope: {node.name: node for node in nodes} for scope, nodes in self._nodes.items()}
        self._calls = [(scope, node, name) for scope, node in self.all_nodes() for name in self._called(node)]
        # Functions that are called by more than what `_calls` lists.
        self._called_elsewhere = {entry.gradient_func for entry in library.gradient}
        self._called_elsewhere |= {entry.gradient_func for entry in library.registered_gradients}
        self._called_elsewhere |= {name for name, value in self._functions.items() if _EXCHANGEABLE in value.attr}
        self.saver_functions = self._find_saver_functions()

    def all_nodes(self) -> Iterator[tuple[str, node_def_pb2.NodeDef]]:
        """All nodes, each with its scope."""
        for scope, nodes in self._nodes.items():
            for node in nodes:
                yield scope, node

    def _find_saver_functions(self) -> set[str]:
        saver = self._meta_graph.saver_def
        savers = {_producer(name) for name in (saver.save_tensor_name, saver.restore_op_name) if name}
        found = {name for scope, node, name in self._calls if not scope and node.name in savers}
        # Functions that those call are the saver's too, if no one else's.
        while more := {name for scope, _, name in self._calls if scope in found} - found:
            found |= more
        elsewhere = set(self._meta_graph.object_graph_def.concrete_functions) | self._called_elsewhere
        for scope, node, name in self._calls:
            if scope not in found and (scope or node.name not in savers):
                elsewhere.add(name)
        while shared := {name for scope, _, name in self._calls if scope in elsewhere} - elsewhere:
            elsewhere |= shared
        return found - elsewhere

    def is_asset(self, scope: str, tensor: str, seen: set[tuple[str, str]] | None = None) -> bool:
        """Returns whether a file name can only be that of an asset of the model.

        Args:
          scope: where the tensor is.
          tensor: the file name.
          seen: scopes and tensors that have been asked about, of which each has to be one.
        """
        seen = set() if seen is None else seen
        name = _producer(tensor)
        if (scope, name) in seen:
            return True
        seen.add((scope, name))
        node = self._by_name[scope].get(name)
        if node is not None and node.op == "Identity":
            return self.is_asset(scope, node.input[0], seen)
        if not scope:
            assets = {_producer(asset.tensor_info.name) for asset in self._meta_graph.asset_file_def}
            return name in assets or (node is not None and self._reads_asset(node, seen))
        arguments = [argument.name for argument in self._functions[scope].signature.input_arg]
        if node is not None or name not in arguments:
            return False
        index = arguments.index(name)
        if not self._is_bound_to_asset(scope, len(arguments), index):
            return False
        callers = [(caller, call) for caller, call, called in self._calls if called == scope]
        return all(call.op in _CALLS and self.is_asset(caller, call.input[index], seen) for caller, call in callers)

    def _reads_asset(self, node: node_def_pb2.NodeDef, seen: set[tuple[str, str]]) -> bool:
        """Returns whether a node of the graph itself reads a variable to which only names of assets are assigned."""
        if node.op != "ReadVariableOp":
            return False
        variable = self._by_name[""].get(_producer(node.input[0]))
        if variable is None or variable.op != "VarHandleOp":
            return False
        same = [
            other for _, other in self.all_nodes() if other.op == "VarHandleOp" and _shared(other) == _shared(variable)
        ]
        users = [user for user in self._nodes[""] if variable.name in map(_producer, user.input)]
        return len(same) == 1 and all(
            user.op in ("VarIsInitializedOp", "ReadVariableOp")
            or (user.op == "AssignVariableOp" and self.is_asset("", user.input[1], seen))
            for user in users
        )

    def _is_bound_to_asset(self, function: str, num_arguments: int, index: int) -> bool:
        objects = self._meta_graph.object_graph_def
        if function in self._called_elsewhere:
            return False
        if function not in objects.concrete_functions:
            return True  # callers alone decide
        bound = objects.concrete_functions[function].bound_inputs
        place = index - (num_arguments - len(bound))
        if place < 0:
            return False
        source = objects.nodes[bound[place]]
        # A registered class decides itself what it makes of an object, whatever its kind.
        return source.WhichOneof("kind") == "asset" and not source.registered_name

    def _called(self, node: node_def_pb2.NodeDef) -> Iterator[str]:
        if node.op in self._functions:  # the other way to call a function
            yield node.op
        yield from _named(node.attr.values())


def _named(values: Iterable[attr_value_pb2.AttrValue]) -> Iterator[str]:
    """The functions that attributes name; those that are given to a function are among its own attributes."""
    for value in values:
        for function in [*([value.func] if value.HasField("func") else ()), *value.list.func]:
            yield function.name
            yield from _named(function.attr.values())


def _shared(variable: node_def_pb2.NodeDef) -> bytes:
    return variable.attr["shared_name"].s or variable.name.encode()


def _producer(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]
