"""Fits the chance of each word to be misheard: a logistic regression in which utterances differ.

Beside the weights of `error_features.py` it finds how much utterances differ. That matters for answers of several
words: the same number of errors, gathered in fewer utterances, leaves more answers whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bert_qa_tf.asr_simulation.error_features import error_rows

# Keeps weights finite where a level has few words; on the scale of log-odds.
_RIDGE = 0.05
_NUM_NODES = 9
_MAX_ROUNDS = 200
# Of the log-likelihood of all words, between rounds.
_TOLERANCE = 1e-3


class Utterance(NamedTuple):
    """What is known of an utterance.

    Attributes:
      features: `<float64>[num_words, num_features]`, from `text_features`.
      misheard: `<bool>[num_words]`.
      unknown: `<bool>[num_words]`: words that the recogniser does not know. Always misheard, they teach nothing of the
        rest.
    """

    features: np.ndarray
    misheard: np.ndarray
    unknown: np.ndarray


def fit_errors(utterances: Sequence[Utterance]) -> tuple[tuple[float, ...], float]:
    """Weights of `ERROR_FEATURES`, and the standard deviation of what an utterance adds to its words' log-odds.

    Maximum likelihood of a logistic regression with a normal intercept for each utterance, integrated by Gauss-Hermite
    quadrature, found by EM with a Newton step a round (Agresti, Categorical Data Analysis, 3rd edition, 13.1 and 13.6).
    """
    x, y, groups = _rows(utterances)
    nodes, chances = np.polynomial.hermite_e.hermegauss(_NUM_NODES)
    log_chances = np.log(chances / chances.sum())
    weights, spread = np.zeros(x.shape[1]), 0.5
    best = -np.inf
    for _ in range(_MAX_ROUNDS):
        # odds[i, k]: log-odds of word i if its utterance adds the k-th node.
        odds = (x @ weights)[:, None] + spread * nodes
        log_likelihood = np.where(y[:, None] > 0, -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds))
        joint = _sums(log_likelihood, groups) + log_chances
        totals = np.logaddexp.reduce(joint, axis=1, keepdims=True)
        if totals.sum() - best < _TOLERANCE:
            break
        best = totals.sum()
        shares = np.exp(joint - totals)[groups]
        step = _newton_step(x, y, odds, shares, nodes, np.append(weights, spread))
        weights, spread = weights + step[:-1], spread + step[-1]
    return tuple(weights.tolist()), abs(float(spread))


def _rows(utterances: Sequence[Utterance]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All known words: their `ERROR_FEATURES`, whether misheard, their utterance."""
    rows, targets, groups = [], [], []
    for number, (features, misheard, unknown) in enumerate(utterances):
        after_error = np.concatenate([[False], misheard[:-1]])[: len(misheard)]
        rows.append(error_rows(features, after_error)[~unknown])
        targets.append(misheard[~unknown])
        groups.append(np.full(len(targets[-1]), number))
    return np.concatenate(rows), np.concatenate(targets).astype(np.float64), np.concatenate(groups)


def _sums(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of the rows of each group, `<float64>[num_groups, num_columns]`."""
    sums = np.zeros((int(groups.max(initial=0)) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums


def _newton_step(
    x: np.ndarray, y: np.ndarray, odds: np.ndarray, shares: np.ndarray, nodes: np.ndarray, current: np.ndarray
) -> np.ndarray:
    """Of the weights and the spread, the expected log-likelihood's; the nodes are the spread's feature."""
    p = 1.0 / (1.0 + np.exp(-odds))
    residuals, curvatures = shares * (y[:, None] - p), shares * p * (1.0 - p)
    gradient = np.append(x.T @ residuals.sum(axis=1), (residuals @ nodes).sum())
    mixed = x.T @ (curvatures @ nodes)
    hessian = np.block(
        [
            [(x.T * curvatures.sum(axis=1)) @ x, mixed[:, None]],
            [mixed[None, :], np.array([[(curvatures @ nodes**2).sum()]])],
        ]
    )
    ridge = np.full(len(current), _RIDGE)
    ridge[-1] = 0.0
    return np.linalg.solve(hessian + np.diag(ridge) + 1e-9 * np.eye(len(current)), gradient - ridge * current)
