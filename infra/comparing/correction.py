"""Correction for having asked many questions at once: Holm's, over all metrics and scenarios of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from statsmodels.stats.multitest import multipletests

from infra.comparing.metrics import METRICS
from infra.comparing.result import Effect

ALPHA: Final = 0.05
METHOD: Final = "holm"


def corrected(effects: Sequence[Effect]) -> tuple[list[Effect], int]:
    """The effects with `p_corrected`, in the same order, and how many tests there were.

    The family: every metric that is tested, over all turns and by scenario, wherever a session differs between the
    sides. Where none does, nothing was asked: given how far each session differs, which the test takes as given, its p
    is 1 whatever comes.
    """
    asked = [n for n, effect in enumerate(effects) if METRICS[effect.metric].tested and effect.informative != 0]
    found = list(effects)
    if asked:
        for n, p in zip(asked, multipletests([effects[n].p for n in asked], ALPHA, METHOD)[1], strict=True):
            found[n] = replace(effects[n], p_corrected=float(np.clip(p, 0.0, 1.0)))
    return found, len(asked)
