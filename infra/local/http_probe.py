"""Whether a URL answers with 200, and what it says."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


def answers_ok(url: str, timeout: float = 1.0) -> bool:
    """Whether a GET of the http `url` gets a 200 within `timeout` seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def json_of(url: str, timeout: float = 1.0) -> Any:
    """The JSON that a GET of the http `url` gets within `timeout` seconds, whatever its status; None: none."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
