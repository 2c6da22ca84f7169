"""Plain data, text, bytes, files and folders, also elsewhere."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from weft import _json
from weft._external import External
from weft._materializers.base import Materializer, Saved
from weft._pages import Html, Markdown


class JsonMaterializer(Materializer):
    """Everything that `weft._json` gives back equal."""

    name = "json"

    def accepts(self, value: Any) -> bool:
        """Whether the value holds plain data only."""
        try:
            _json.encode(value)
        except (_json.NotPlainError, RecursionError):
            return False
        return True

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.json`."""
        (directory / "data.json").write_text(json.dumps(_json.encode(value)))
        schema: dict[str, Any] = {}
        if isinstance(value, dict):
            schema = {"keys": [str(key) for key in list(value)[:100]]}
        sized = isinstance(value, list | dict | tuple | set | frozenset)
        return Saved("json", schema, {"length": len(value)} if sized else {})

    def load(self, directory: Path) -> Any:
        """Read `data.json`."""
        return _json.decode(json.loads((directory / "data.json").read_text()))


class TextMaterializer(Materializer):
    """Strings, as UTF-8 without translating line ends."""

    name = "text"

    def accepts(self, value: Any) -> bool:
        """Whether the string is valid Unicode; lone surrogates go to JSON."""
        return not any("\ud800" <= character <= "\udfff" for character in value)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.txt`."""
        (directory / "data.txt").write_bytes(value.encode())
        return Saved("text", statistics={"characters": len(value)})

    def load(self, directory: Path) -> Any:
        """Read `data.txt`."""
        return (directory / "data.txt").read_bytes().decode()


class PageMaterializer(Materializer):
    """`weft.Html` and `weft.Markdown`: texts that a browser shows."""

    name = "page"

    def accepts(self, value: Any) -> bool:
        """Whether the text is valid Unicode."""
        return not any("\ud800" <= character <= "\udfff" for character in value)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `page.html` or `page.md`."""
        file = "page.html" if isinstance(value, Html) else "page.md"
        (directory / file).write_bytes(value.encode())
        format_ = "html" if isinstance(value, Html) else "markdown"
        return Saved(format_, {}, {"characters": len(value)}, (file,))

    def load(self, directory: Path) -> Any:
        """Read the page, as what it was."""
        path = next(directory.iterdir())
        text = path.read_bytes().decode()
        return Html(text) if path.suffix == ".html" else Markdown(text)


class BytesMaterializer(Materializer):
    """Bytes as they are."""

    name = "bytes"

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.bin`."""
        (directory / "data.bin").write_bytes(value)
        return Saved("bytes", statistics={"bytes": len(value)})

    def load(self, directory: Path) -> Any:
        """Read `data.bin`."""
        return (directory / "data.bin").read_bytes()


class PathMaterializer(Materializer):
    """The file or folder that a path points to, under its own name."""

    name = "path"

    def save(self, value: Any, directory: Path) -> Saved:
        """Copy the file or folder.

        Raises:
            FileNotFoundError: The path points nowhere.
        """
        target = directory / (value.resolve().name or "data")
        if not value.is_dir():
            shutil.copyfile(value, target)
            return Saved("file", {"name": target.name})
        shutil.copytree(value, target)
        return Saved("folder", {"name": target.name})

    def load(self, directory: Path) -> Any:
        """Give a path to a copy of its own, which the caller may change."""
        source = next(directory.iterdir())
        target = Path(tempfile.mkdtemp(prefix="weft-")) / source.name
        if source.is_dir():
            return shutil.copytree(source, target)
        return shutil.copyfile(source, target)


class ExternalMaterializer(Materializer):
    """What points to data elsewhere: the data itself is neither copied nor ever deleted."""

    name = "external"

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `external.json`."""
        document = dataclasses.asdict(value)
        (directory / "external.json").write_text(json.dumps(document), encoding="utf-8")
        schema = {"uri": value.uri, "sha256": value.sha256}
        return Saved("external", schema, {"bytes": value.size_bytes})

    def load(self, directory: Path) -> Any:
        """Read what it points to, without looking there."""
        return External(**json.loads((directory / "external.json").read_text(encoding="utf-8")))
