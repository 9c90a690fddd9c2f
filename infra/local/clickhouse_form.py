"""A query that came as a form, as clickhouse-connect sends one whose parameters would make too long an address."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form with a field for each option."""
    return content_type.startswith("multipart/form-data")


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form, such as query and param_name. What is no field is left out."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    fields = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).walk():
        name, value = _field(part)
        if name is not None:
            fields[name] = value
    return fields


def _field(part: Message) -> tuple[str | None, str]:
    name = part.get_param("name", header="content-disposition")
    payload = part.get_payload(decode=True)
    return (name, payload.decode()) if isinstance(name, str) and isinstance(payload, bytes) else (None, "")
