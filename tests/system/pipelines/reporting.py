"""Steps that make something to look at: a report, a page, and files of every other kind."""

import base64
import json
from pathlib import Path
from typing import Any

from weft import Html, Markdown, Materializer, Saved, pipeline, register_materializer, step

# One pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR"
    "42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
REPORT = f"""# Sales of the week

**Up by 4 %**, see [the plan](https://example.com/plan) or [not](javascript:alert(1)).

| Shop | Sold |
|------|------|
| Berlin | `120` |

- first
  - inner

```py
print("# no title")
```

{HOSTILE}
"""
PLOT = {
    "data": [{"type": "scatter", "name": "train", "x": [1, 2, 3], "y": [0.9, 0.5, 0.3]}],
    "layout": {"title": {"text": "Loss by epoch"}},
}

BARS = {
    "data": [
        {"type": "bar", "name": HOSTILE, "x": ["Berlin", "Rome"], "y": [120, 3]},
        {"type": "bar", "name": "last week", "x": ["Berlin", "Rome"], "y": [90, 12]},
    ],
    "layout": {"title": HOSTILE, "xaxis": {"title": "shop"}, "yaxis": {"title": HOSTILE}},
}
HEAT = {
    "data": [{"type": "heatmap", "z": [[1, 2, 3], [4, 5, 6]], "x": ["a", "b", "c"]}],
    "layout": {"title": "Confusion"},
}
PIE = {
    "data": [{"type": "pie", "values": [1, 2], "labels": ["a", "b"]}],
    "layout": {"title": "Shares"},
}
PLOTS = {"plot.json": PLOT, "bars.json": BARS, "heat.json": HEAT, "pie.json": PIE}


class Album:
    """Something that only its own materializer can show."""


class AlbumMaterializer(Materializer):
    """Writes a file of each kind."""

    name = "album"

    def save(self, value: Any, directory: Path) -> Saved:
        del value
        (directory / "figure.png").write_bytes(base64.b64decode(PNG))
        rows = (
            "shop,sold\nBerlin,120\n" + '"Rome, ""north""",3\n' + f"{HOSTILE.partition('>')[0]},1\n"
        )
        (directory / "head.csv").write_text(rows)
        tree = {"deep": {"er": [1, None, True]}, "text": HOSTILE, "many": list(range(250))}
        (directory / "tree.json").write_text(json.dumps(tree))
        for name, plot in PLOTS.items():
            (directory / name).write_text(json.dumps(plot))
        files = ("figure.png", "head.csv", "tree.json", *PLOTS)
        return Saved("album", {"columns": ["shop", "sold"]}, visualizations=files)

    def load(self, directory: Path) -> Album:
        del directory
        return Album()


register_materializer(Album, AlbumMaterializer())


@step
def rows() -> list[int]:
    return [1, 2, 3]


@step
def report(given: list[int]) -> Markdown:
    del given
    return Markdown(REPORT)


@step
def page() -> Html:
    return Html(f"<style>h1 {{ color: teal }}</style><h1>A page of its own</h1>{HOSTILE}")


@step
def album() -> Album:
    return Album()


@pipeline
def reporting() -> None:
    report(rows())
    page()
    album()
