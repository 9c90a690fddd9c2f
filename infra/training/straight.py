"""A linear support vector machine a head, beside the bag: every n-gram votes for every label directly.

It errs elsewhere than the bag, so the two together are better than either. Its weights are many, so only heads that
gain from it have one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from infra.training.bag import Floats


class Straight(NamedTuple):
    """Scores are `features[:, columns] @ weights + bias`; `columns` are the features that the head's text has."""

    columns: NDArray[np.intp]
    weights: Floats
    bias: Floats

    def scores(self, features: sparse.csr_matrix) -> Floats:
        """[texts, classes]."""
        return np.asarray(features[:, self.columns] @ self.weights + self.bias, np.float32)


def train_straight(
    features: sparse.csr_matrix, classes: NDArray[np.intp], classes_in_all: int, cost: float, at_least: int, seed: int
) -> Straight:
    """One against all, squared hinge. A class without text never wins. `cost`: of an error, against simplicity.

    `at_least`: in how many of the head's own texts an n-gram must be to have a vote.
    """
    from sklearn.svm import LinearSVC

    columns = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]) >= max(1, at_least))
    machine = LinearSVC(C=cost, dual=True, tol=1e-3, random_state=seed, max_iter=5000)
    machine.fit(features[:, columns], classes)
    found, bias = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:
        found, bias = np.concatenate((-found, found)), np.concatenate((-bias, bias))
    weights = np.zeros((len(columns), classes_in_all), np.float32)
    weights[:, machine.classes_] = found.T
    all_bias = np.full(classes_in_all, -2.0, np.float32)
    all_bias[machine.classes_] = bias
    return Straight(columns.astype(np.intp), weights, all_bias)
