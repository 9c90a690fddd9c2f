"""The whole topology under a seeded schedule of everything that can go wrong, in virtual time; docs/simulation.md.

    python -m streams.testing.simulation --seeds 10000 --jobs 2

or, for policies, models and stages of one's own:

    assert list(failures_among(range(1_000), Product(policies=mine, texts=what_my_customers_say))) == []
"""

from streams.testing.simulation.hand import Died, Hand, Ousted
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import Act, Input, Schedule, schedule_of
from streams.testing.simulation.stores import AnalyticsStore, Fenced, SessionStore
from streams.testing.simulation.story import story_of
from streams.testing.simulation.trial import Failure, all_failures, failures_among, tried

__all__ = [
    "Act",
    "AnalyticsStore",
    "Died",
    "Failure",
    "Fenced",
    "Hand",
    "Input",
    "Ousted",
    "Problem",
    "Product",
    "Schedule",
    "SessionStore",
    "all_failures",
    "failures_among",
    "schedule_of",
    "story_of",
    "tried",
]
