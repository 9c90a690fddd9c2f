"""The tenants of the drills: as many as asked, alike but for their names, with their policy and articles."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).parent / "tenant"
QUESTIONS: Final = (
    "how long does a refund take",
    "where does my refund go",
    "who pays for the return of a faulty item",
    "can I return what I have not used",
    "how long does a parcel to an island take",
    "where is the number of my parcel",
    "do you refund a part of an order",
    "when do you send parcels",
    "退款多久到账",
    "退款退到哪里",
    "退货运费谁出",
    "没用过的商品可以退货吗",
    "海岛的包裹要多久",
    "包裹的号码在哪里",
    "只退一部分怎么退款",
    "包裹多久发出",
)
"""Each of them has its answer in an article."""


def names(count: int) -> tuple[str, ...]:
    """drill-00, drill-01 and so on."""
    return tuple(f"drill-{n:02}" for n in range(count))


def write_tenants(folder: Path, tenants: Sequence[str], deadline: float) -> Path:
    """A folder for each tenant, as `prepare` reads them. deadline: seconds, on every channel. Returns `folder`."""
    policy = (TEMPLATE / "policy.yaml").read_text(encoding="utf-8")
    policy = re.sub(r"deadline: \d+", f"deadline: {deadline:g}", policy)
    for tenant in tenants:
        shutil.copytree(TEMPLATE / "articles", folder / tenant / "articles")
        written = re.sub(r"^tenant: .*$", f"tenant: {tenant}", policy, flags=re.MULTILINE)
        (folder / tenant / "policy.yaml").write_text(written, encoding="utf-8")
    return folder
