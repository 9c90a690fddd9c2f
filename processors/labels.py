"""What our own intent models tell apart: each label, and the family of scenarios that it belongs to.

Policies refer to these. A bundle of a tenant's own may have others, which the tenant's policy then lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.events import DIALOGUE_ACT

_BY_FAMILY: Final = {
    "order_query": ("order_status", "place_order", "cancel_order", "change_order"),
    "logistics": (
        "track_order", "urge_delivery", "delivery_time", "shipping_options", "change_address", "delivery_problem",
    ),
    "returns_exchange": ("return_item", "exchange_item", "refund_status", "refund_request", "damaged_item"),
    "payment": (
        "payment_methods", "payment_failed", "charge_question", "invoice", "discount", "balance", "transfer", "fees",
    ),
    "account_security": ("login_problem", "reset_password", "lost_card", "fraud", "update_details"),
    "product_question": ("product_info", "stock", "price", "card_question", "rates"),
    "service_change": ("start_service", "change_service", "stop_service"),
    "other": ("store_info",),
    "complaint": ("complaint",),
    "human_handoff": ("request_human",),
    "chit_chat": ("greeting", "thanks", "goodbye", "about_bot", "compliment"),
    "out_of_scope": ("off_topic", "nonsense"),
    DIALOGUE_ACT: ("not_helped", "confirm", "reject", "give_details"),
}  # fmt: skip

FAMILY: Final[Mapping[str, str]] = {label: family for family, labels in _BY_FAMILY.items() for label in labels}
"""The family of each label."""
LABELS: Final = tuple(FAMILY)
