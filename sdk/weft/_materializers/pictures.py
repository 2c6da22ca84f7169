"""Images and figures that a browser shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved

_SHOWN_BYTES = 3 << 20
# What PNG keeps bit by bit.
_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}


class ImageMaterializer(Materializer):
    """Pillow images, as PNG: every pixel is kept, not what its file said beside them."""

    name = "pillow.png"
    libraries = ("pillow",)

    def accepts(self, value: Any) -> bool:
        """Whether PNG keeps its pixels as they are."""
        return value.mode in _MODES

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `image.png`."""
        path = directory / "image.png"
        value.save(path)
        shown = (path.name,) if path.stat().st_size <= _SHOWN_BYTES else ()
        schema = {"width": value.width, "height": value.height, "mode": value.mode}
        return Saved("png", schema, visualizations=shown)

    def load(self, directory: Path) -> Any:
        """Read `image.png` as a plain `PIL.Image.Image`."""
        from PIL import Image

        with Image.open(directory / "image.png") as image:
            return image.copy()


class PlotlyMaterializer(Materializer):
    """plotly figures, as plotly's own JSON, which every plotly draws again."""

    name = "plotly.json"
    libraries = ("plotly",)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `figure.json`."""
        path = directory / "figure.json"
        path.write_text(value.to_json(), encoding="utf-8")
        traces = [trace.type for trace in value.data]
        shown = (path.name,) if path.stat().st_size <= _SHOWN_BYTES else ()
        return Saved("plotly", {"traces": traces}, {"traces": len(traces)}, shown)

    def load(self, directory: Path) -> Any:
        """Read `figure.json` as a live figure."""
        import plotly.graph_objects as go

        return go.Figure(json.loads((directory / "figure.json").read_text(encoding="utf-8")))
