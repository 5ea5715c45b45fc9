"""Counting matrix products: FLOPs checked by hand, and every place a product can hide in."""

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.training import graph_products
from bert_qa_tf.training.graph_products import Product, einsum_flops


def _products(function, *shapes: tuple[int | None, ...], dtype=tf.float32) -> list[Product]:
    traced = tf.function(function).get_concrete_function(*(tf.TensorSpec(shape, dtype) for shape in shapes))
    return graph_products.find_products(traced, encoder="encoder", model="model")


def _flops(products: list[Product]) -> list[int]:
    return [product.flops for product in products]


@pytest.mark.parametrize(
    ("equation", "shapes", "flops"),
    [
        # 2 × a3 · b5 · c7 · d11
        ("abc,cd->abd", [(3, 5, 7), (7, 11)], 2 * 3 * 5 * 7 * 11),
        # Attention scores of 2 windows, 3 heads of 4, 5 by 6 positions: the label c (heads) counts once.
        ("aecd,abcd->acbe", [(2, 6, 3, 4), (2, 5, 3, 4)], 2 * 2 * 3 * 4 * 5 * 6),
        # Broadcast dimensions: 9 × 8 by 8.
        ("...ab,...bc->...ac", [(9, 8, 2, 3), (8, 3, 4)], 2 * 9 * 8 * 2 * 3 * 4),
    ],
)
def test_an_einsum_costs_two_flops_for_each_combination_of_its_labels(equation, shapes, flops):
    assert einsum_flops(equation, shapes) == flops
    assert _flops(_products(lambda x, y: tf.einsum(equation, x, y), *shapes)) == [flops]


def test_the_flops_of_a_matmul_do_not_depend_on_how_its_operands_lie():
    assert _flops(_products(lambda x, y: tf.matmul(x, y), (2, 3), (3, 5))) == [60]
    assert _flops(_products(lambda x, y: tf.matmul(x, y, transpose_a=True), (3, 2), (3, 5))) == [60]
    assert _flops(_products(lambda x, y: tf.matmul(x, y, transpose_b=True), (7, 2, 3), (7, 5, 3))) == [420]
    assert _flops(_products(lambda x, y: tf.matmul(x, y, adjoint_a=True), (7, 3, 2), (1, 3, 5))) == [420]


def test_a_convolution_and_its_two_gradients_cost_the_same():
    def gradients(x: tf.Tensor, kernel: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = tf.nn.conv2d(x, kernel, strides=1, padding="SAME")
        return tape.gradient(y, [x, kernel])

    products = _products(gradients, (1, 8, 8, 3), (3, 3, 3, 16))
    assert _flops(products) == [2 * 8 * 8 * 16 * 27] * 3
    assert [product.backward for product in products] == [False, True, True]


def test_gathers_and_an_einsum_that_only_moves_are_no_products():
    assert _products(lambda x: tf.gather(tf.einsum("ab->ba", x), [1, 0]), (4, 4)) == []


def test_products_are_found_in_branches_loops_and_functions_within_functions():
    @tf.function
    def inner(x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, x)

    @tf.function
    def outer(x: tf.Tensor) -> tf.Tensor:
        return inner(x)

    def function(x: tf.Tensor) -> tf.Tensor:
        x = tf.cond(tf.reduce_sum(x) > 0, lambda: tf.matmul(x, x), lambda: x)
        x = tf.switch_case(tf.cast(x[0, 0], tf.int32), [lambda: x, lambda: tf.matmul(x, x, transpose_a=True)])
        _, x = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, tf.matmul(x, x)), (0, x))
        return tf.matmul(outer(x), x)

    assert _flops(_products(function, (4, 4))) == [128] * 5


def test_a_function_traced_without_shapes_is_counted_at_those_of_its_caller():
    @tf.function(input_signature=[tf.TensorSpec((None, None))])
    def shapeless(x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.reshape(x, [tf.shape(x)[1], -1]), x)

    def gradient(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = shapeless(x)
        return tape.gradient(y, x)

    products = _products(gradient, (4, 6))
    assert _flops(products) == [2 * 6 * 4 * 6] * 3
    assert [product.backward for product in products] == [False, True, True]


def test_a_custom_gradient_is_backward_and_belongs_where_its_operands_come_from():
    @tf.custom_gradient
    def square(x: tf.Tensor) -> tuple:
        return tf.matmul(x, x), lambda upstream: tf.matmul(upstream, x, transpose_b=True)

    def function(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            with tf.name_scope("model"):
                with tf.name_scope("encoder"):
                    y = square(tf.nn.relu(x))
                with tf.name_scope("span_head"):
                    y = tf.matmul(y, tf.ones((4, 2)))
        return tape.gradient(y, x)

    found = {(product.part, product.backward) for product in _products(function, (4, 4))}
    assert found == {("encoder", False), ("encoder", True), ("head", False), ("head", True)}


def test_the_dtype_is_that_of_the_operands():
    products = _products(lambda x: tf.cast(tf.matmul(x, x), tf.float32), (4, 4), dtype=tf.bfloat16)
    assert [product.dtype for product in products] == ["bfloat16"]


def test_an_unknown_dimension_is_an_error():
    with pytest.raises(
        InputError, match=r"MatMul: this matrix product has a dimension that is not known .*\(None, 4\)"
    ):
        _products(lambda x: tf.matmul(x, tf.ones((4, 4))), (None, 4))


def test_a_product_of_an_unknown_kind_is_an_error():
    with pytest.raises(InputError, match="DepthwiseConv2dNative"):
        _products(lambda x: tf.nn.depthwise_conv2d(x, tf.ones((3, 3, 3, 1)), [1] * 4, "SAME"), (1, 8, 8, 3))
