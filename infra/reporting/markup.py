"""HTML made of values: everything is escaped but what was made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Html


def html(content: Content) -> Html:
    """The content as HTML; what is not HTML already is escaped."""
    return content if isinstance(content, Html) else Html(escape(content))


def joined(parts: Iterable[Content]) -> Html:
    return Html("".join(html(part) for part in parts))


def element(tag: str, *content: Content, **attributes: str) -> Html:
    """`<tag attributes>content</tag>`; `class_` is the attribute class, `a_b` is a-b."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items() if value
    )
    return Html(f"<{tag}{written}>{joined(content)}</{tag}>")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Content]],
    left: int = 1,
    texts: Sequence[int] = (),
    caption: Content = "",
) -> Html:
    """A table that scrolls where the screen is narrow. The first `left` columns and those in `texts` stand left; the
    latter may be broken into lines, and where there are any, a narrow screen shows each row as a card. A row
    whose first cell is `all` is the sum. `caption` says what the table shows."""

    def kind(i: int) -> str:
        return "left text" if i in texts else "left" if i < left else ""

    names = [name if texts else "" for name in columns]
    head = element("tr", *(element("th", name, class_=kind(i), scope="col") for i, name in enumerate(columns)))
    body = (
        element(
            "tr",
            *(
                element("td", _whole(cell, bool(texts)), class_=kind(i), data_name=names[i])
                for i, cell in enumerate(row)
            ),
            class_="sum" if row[0] == "all" else "",
        )
        for row in rows
    )
    titled = [element("caption", caption)] if caption else []
    return element(
        "div",
        element("table", *titled, element("thead", head), element("tbody", *body)),
        class_="wide stack" if texts else "wide",
    )


def _whole(cell: Content, one: bool) -> Content:
    """The cell, as one element where it is laid out beside its name."""
    return element("span", cell) if one else cell
