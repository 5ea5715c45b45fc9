"""The order of the tests: what takes longest goes first, so that no process works through one file alone at the end."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trainings that are processes of their own, killed and begun again, take minutes a file: so they go first."""
    items.sort(key=lambda item: "/training/" not in item.nodeid)
