"""Laws that entities keep on any text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.entities import KINDS, PERSONAL, PatternEntities
from processors.redaction import redact

MODEL = PatternEntities()
AT = 1_781_870_400_000_000
PIECES = (
    "order 20260318334",
    "订单号",
    "20260318",
    "￥1,234.50",
    "100到200元",
    "三百二十块五",
    "两千三",
    "fifty bucks",
    "5月3号",
    "上周三",
    "next Monday",
    "明天",
    "下午三点半",
    "at 5pm",
    "17:30",
    "13812345678",
    "+44 20 7946 0958",
    "a.b@mail.example",
    "4111 1111 1111 1111",
    "尾号1234",
    "110101199003070134",
    "GB82 WEST 1234 5698 7654 32",
    "上海市浦东新区世纪大道100号",
    "123 Main Street",
    "我叫王小明",
    "my name is Anna",
    "SF1234567890123",
    "手机壳",
    "iPhones",
    "New York",
    "北京",
    "[数字x]",
    "１２３",
    "😀",
    "é́",
    "İ",
    " ",
    "，",
    ".",
    "\n",
    "-",
    "号",
    "元",
    "点",
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join),
    st.text("0123456789,.-:/ 一二三十百千万元块年月日号点路市区@ab order$", max_size=80),
)
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F) if chr(c) not in ",[]<"})


@given(TEXTS, st.integers(-(10**18), 10**18))
@settings(max_examples=300, deadline=None)
def test_spans_hold_what_they_say_in_order_and_apart(text: str, at: int) -> None:
    """Any text, any time."""
    end = 0
    for entity in MODEL.extract([text], [at])[0]:
        assert entity.kind in KINDS
        assert entity.personal is (entity.kind in PERSONAL)
        assert end <= entity.start < entity.end <= len(text)
        assert text[entity.start : entity.end] == entity.text
        assert entity.value == entity.value.strip() != ""
        end = entity.end


@given(st.lists(TEXTS, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_text_is_read_alone(texts: list[str]) -> None:
    """Whatever else is in the batch, and however often."""
    together = MODEL.extract(texts, [AT] * len(texts))
    assert together == [MODEL.extract([text], [AT])[0] for text in texts]


@given(st.lists(st.sampled_from([p for p in PIECES if p.isascii()]), max_size=6).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_full_width_reads_as_half_width(text: str) -> None:
    """The same kinds, values and positions."""
    text = text.replace("\n", " ")
    plain, wide = MODEL.extract([text, text.translate(WIDE)], [AT, AT])
    same = [e for e in plain if e.kind != "person"]
    assert [(e.kind, e.value, e.start, e.end) for e in wide if e.kind != "person"] == [
        (e.kind, e.value, e.start, e.end) for e in same
    ]


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_a_redacted_text_holds_no_personal_stretch_in_its_place(text: str) -> None:
    """What stands between the marks is what stood between the stretches."""
    found = MODEL.extract([text], [AT])[0]
    personal = [e for e in found if e.personal]
    hidden = redact(text, found)
    kept = len(text) - sum(e.end - e.start for e in personal)
    assert len(hidden) == kept + sum(len(e.kind) + 2 for e in personal)
    assert redact(text, [e for e in found if not e.personal]) == text
