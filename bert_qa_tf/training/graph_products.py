"""Finds the matrix products of a traced function, with their dtypes and FLOPs.

The graph is read as it was traced, before TensorFlow rewrites it, and is not run. `precision_census.py` interprets the
figures.

A function from a SavedModel takes any batch, so its body has no static shapes. Therefore the traced graph is built a
second time with the body of each call inlined, and TensorFlow's shape inference propagates the shapes of the arguments.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

import tensorflow as tf
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph
from tensorflow.python.ops.handle_data_util import copy_handle_data

from bert_qa_tf.errors import InputError

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_EINSUM_OPS = ("Einsum", "XlaEinsum")
_MATMUL_OPS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
# For a convolution and its gradients: which input or output has the shape of the forward pass's output, and which one
# has the shape of the filter.
_CONVOLUTION_OPS = {"Conv2D": ("out", 1), "Conv2DBackpropInput": (2, 1), "Conv2DBackpropFilter": (2, "out")}
# Types of operations that may be products. If none of the rules below can count such an operation, that is an error.
_MAY_BE_PRODUCT = re.compile(r"(?i)matmul|einsum|conv[23]d")
# The name scopes of gradients: that of `tf.GradientTape`, and the one inside a function's backward function.
_GRADIENT_SCOPES = frozenset(("gradient_tape", "gradients"))


@dataclasses.dataclass(frozen=True)
class Product:
    """One matrix product of a graph.

    Attributes:
      name: the operation's name, after the names of the calls that contain it: `call/call/name`.
      dtype: the dtype of its operands, such as "float32".
      flops: the number of FLOPs; a multiplication and an addition count as two.
      backward: whether it computes a gradient.
      part: "encoder" or "head".
    """

    name: str
    dtype: str
    flops: int
    backward: bool
    part: str


def find_products(function: tf.types.experimental.ConcreteFunction, encoder: str, model: str) -> list[Product]:
    """Finds every matrix product in the graph, in the functions it calls, in branches and in loops.

    Every branch is counted, and the body of a loop is counted once. Gathers are not products.

    Args:
      function: a function that was traced at a static shape.
      encoder: the name of the encoder's layer.
      model: the name of the model that contains it. Operations in its scope but not in the encoder's are the head.

    Raises:
      InputError: a dimension of a product is unknown, or an operation looks like a product of an unknown kind.
    """
    walk = _Walk(function.graph, encoder, model)
    with walk.copy.as_default():
        arguments = []
        for original in function.graph.inputs:
            arguments.append(tf.compat.v1.placeholder(original.dtype, original.shape))
            copy_handle_data(original, arguments[-1])  # the shape of the variable behind a resource
        walk.body(function.graph, arguments, _Where())
    return walk.products


@dataclasses.dataclass(frozen=True)
class _Where:
    """The properties that a function's body inherits from the operation that calls it."""

    scope: str = ""
    backward: bool = False
    part: str | None = None


class _Walk:
    """Copies a graph operation by operation, inlines the bodies of calls, and collects the products."""

    def __init__(self, graph: tf.Graph, encoder: str, model: str) -> None:
        self.copy = tf.Graph()
        self.products: list[Product] = []
        self._graph = graph
        self._encoder, self._model = encoder, model
        self._library = {definition.signature.name: definition for definition in graph.as_graph_def().library.function}
        self._bodies: dict[str, tf.Graph] = {}
        # For each tensor of the copy, by name: whether it belongs to the backward pass, and its part of the model.
        self._origin: dict[str, tuple[bool, str]] = {}

    def body(self, graph: tf.Graph, arguments: Sequence[tf.Tensor], where: _Where) -> list[tf.Tensor]:
        """Copies a function's body and returns the copies of its outputs."""
        copies = {original.name: copy for original, copy in zip(graph.inputs, arguments, strict=True)}
        parameters = {original.op.name for original in graph.inputs}
        for operation in graph.get_operations():
            if operation.name in parameters:
                continue
            inputs = [copies[tensor.name] for tensor in operation.inputs]
            place = self._place(operation, inputs, where)
            outputs = self._operation(operation, inputs, place)
            for original, copy in zip(operation.outputs, outputs, strict=True):
                copies[original.name] = copy
                # The outputs of a call keep the origin that was set in its body.
                self._origin.setdefault(copy.name, (place.backward, place.part))
        return [copies[tensor.name] for tensor in graph.outputs]

    def _place(self, operation: tf.Operation, inputs: Sequence[tf.Tensor], where: _Where) -> _Where:
        """Finds an operation's direction and part from its caller, its name scope, or the origins of its inputs."""
        origins = [self._origin[tensor.name] for tensor in inputs if tensor.name in self._origin]
        scopes = set(operation.name.split("/"))
        # Operations on gradients belong to the backward pass, too, because a custom gradient has no scope of its own.
        backward = where.backward or bool(scopes & _GRADIENT_SCOPES) or any(is_backward for is_backward, _ in origins)
        if where.part:
            part = where.part
        elif self._encoder in scopes:
            part = "encoder"
        elif self._model in scopes:
            part = "head"
        else:
            part = "encoder" if any(origin == "encoder" for _, origin in origins) else "head"
        return _Where(f"{where.scope}{operation.name}", backward, part)

    def _operation(self, operation: tf.Operation, inputs: list[tf.Tensor], place: _Where) -> list[tf.Tensor]:
        attributes = {name: value for name, value in operation.node_def.attr.items() if not name.startswith("_")}
        called = _called(attributes)
        if not called:
            outputs = self._copy(operation, inputs, attributes)
            self._note(operation, inputs, outputs, place)
            return outputs
        # A call outside of the encoder and the model (a loop over steps, a compiled function) contains parts of both.
        named = place.part == "encoder" or self._model in operation.name.split("/")
        inside = dataclasses.replace(place, scope=f"{place.scope}/", part=place.part if named else None)
        if operation.type in _CALLS:
            return self.body(self._function(called[0]), inputs, inside)
        results = []
        for name in called:  # the branches of an If or a Case; the condition and the body of a While
            body = self._function(name)
            # The first input of an If or a Case selects the branch and is not an argument of the branches.
            results.append(self.body(body, inputs[len(inputs) - len(body.inputs) :], inside))
        if "While" in operation.type:
            results.append(inputs)
        return self._agreed(operation, [result for result in results if len(result) == len(operation.outputs)])

    def _agreed(self, operation: tf.Operation, results: Sequence[Sequence[tf.Tensor]]) -> list[tf.Tensor]:
        """Returns placeholders for the outputs of control flow, with static shapes where all branches agree."""
        outputs = []
        for i, original in enumerate(operation.outputs):
            shapes = [result[i].shape for result in results]
            same = bool(shapes) and all(s.is_fully_defined() and s.as_list() == shapes[0].as_list() for s in shapes)
            outputs.append(tf.compat.v1.placeholder(original.dtype, shapes[0] if same else original.shape))
        return outputs

    def _copy(
        self, operation: tf.Operation, inputs: list[tf.Tensor], attributes: Mapping[str, object]
    ) -> list[tf.Tensor]:
        dtypes = [output.dtype for output in operation.outputs]
        # Control inputs are left out, because the copy is never run.
        return list(self.copy.create_op(operation.type, inputs, dtypes, attrs=attributes).outputs)

    def _function(self, name: str) -> tf.Graph:
        if name not in self._bodies:
            with self._graph.as_default():  # the graph that holds the functions that this one calls
                self._bodies[name] = function_def_to_graph(self._library[name])
        return self._bodies[name]

    def _note(self, operation: tf.Operation, inputs: list[tf.Tensor], outputs: list[tf.Tensor], place: _Where) -> None:
        if not _MAY_BE_PRODUCT.search(operation.type):
            return
        flops = _flops(operation, inputs, outputs, place.scope)
        if flops is not None:
            dtype = inputs[0].dtype.base_dtype.name
            self.products.append(Product(place.scope, dtype, flops, place.backward, place.part))


def _called(attributes: Mapping[str, object]) -> list[str]:
    """Returns the names of the functions among an operation's attributes."""
    names = []
    for value in attributes.values():
        if value.HasField("func"):
            names.append(value.func.name)
        names += [function.name for function in value.list.func]
    return names


def _flops(operation: tf.Operation, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor], name: str) -> int | None:
    """Counts the FLOPs of a product; returns None for an Einsum of one operand, which only transposes or sums."""
    if operation.type in _EINSUM_OPS:
        if len(inputs) == 1:
            return None
        equation = operation.get_attr("equation").decode()
        return einsum_flops(equation, [_static_shape(tensor, name) for tensor in inputs])
    if operation.type in _MATMUL_OPS:
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        contracted = _static_shape(inputs[0], name)[-2 if transposed else -1]
        return 2 * contracted * math.prod(_static_shape(outputs[0], name))
    if operation.type in _CONVOLUTION_OPS:
        picture, kernel = (
            _static_shape(outputs[0] if which == "out" else inputs[which], name)
            for which in _CONVOLUTION_OPS[operation.type]
        )
        if operation.get_attr("data_format") != b"NHWC":
            raise InputError(f"{name}: its data format is not NHWC, so its FLOPs cannot be counted")
        # Every value of the output is a sum over the filter's height, width and input channels.
        return 2 * math.prod(picture) * math.prod(kernel[:-1])
    raise InputError(f"{name}: a matrix product of a kind that cannot be counted ({operation.type})")


def einsum_flops(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """Counts the FLOPs of an Einsum: 2 × the product of the sizes of its distinct labels.

    Args:
      equation: an equation such as `"abc,cd->abd"`; `...` stands for any number of broadcast dimensions.
      shapes: the shapes of the operands.
    """
    sizes: dict[str | int, int] = {}
    for term, shape in zip(equation.replace(" ", "").split("->")[0].split(","), shapes, strict=True):
        before, dots, after = term.partition("...")
        # Broadcast dimensions are aligned at the right end and are identified by their distance from it.
        broadcast = range(len(shape) - len(before) - len(after), 0, -1) if dots else ()
        for label, size in zip((*before, *broadcast, *after), shape, strict=True):
            sizes[label] = max(size, sizes.get(label, 1))
    return 2 * math.prod(sizes.values())


def _static_shape(tensor: tf.Tensor, name: str) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise InputError(f"{name}: this matrix product has a dimension that is not known beforehand ({tensor.shape})")
    return tensor.shape.as_list()
