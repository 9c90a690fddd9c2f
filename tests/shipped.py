"""The bundles that come with the product, loaded once a test run."""

from __future__ import annotations

from functools import cache

from streams.models.bundle import Bundle, load_bundle
from streams.models.bundle_files import SHIPPED
from streams.models.intent import BundleIntents
from streams.models.sentiment import BundleSentiments


@cache
def bundle(name: str) -> Bundle:
    """One of them, with every check."""
    return load_bundle(SHIPPED / name)


@cache
def intents() -> BundleIntents:
    """What live traffic is understood with, unless another is activated."""
    return BundleIntents(bundle("intent-fast"))


@cache
def sentiments() -> BundleSentiments:
    """What its mood is scored with."""
    return BundleSentiments(bundle("sentiment-fast"))
