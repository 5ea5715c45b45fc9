from __future__ import annotations

import pytest
import tensorflow as tf


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    """A new folder, on disk or in TensorFlow's own file system in memory."""
    if request.param == "local":
        yield str(tmp_path)
        return
    path = f"ram://{tmp_path.name}"
    tf.io.gfile.makedirs(path)
    yield path
    tf.io.gfile.rmtree(path)
