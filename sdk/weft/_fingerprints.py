"""Digests of code and files: what makes a result depend on more than its arguments."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

from weft._store import files_of, hash_file, hash_files


def digest(data: Any) -> str:
    """Give the SHA-256, in hex, of JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1024)
def code_digest(thing: Any) -> str:
    """Give the digest of a function's, class's or module's source.

    Comments, docstrings, formatting and decorators do not count.

    Raises:
        ValueError: There is no source: it was typed into a shell, or is compiled.
    """
    return hashlib.sha256(normalised_source(source_of(thing)).encode()).hexdigest()


def source_of(thing: Any) -> str:
    """Give the source of a function, class or module.

    Raises:
        ValueError: There is none.
    """
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))
    except (OSError, TypeError, IndentationError):
        name = getattr(thing, "__qualname__", repr(thing))
        raise ValueError(f"the source of {name} is not available") from None


def normalised_source(source: str) -> str:
    """Give source without what does not change its meaning.

    Raises:
        ValueError: It is no Python on its own, such as a lambda in the middle of an expression.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        raise ValueError("the source cannot be read on its own") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            _drop_docstring(node)
    return ast.unparse(tree)


def path_digest(path: Path) -> str:
    """Give the digest of a file's or folder's content.

    Raises:
        OSError: It cannot be read.
        ArtifactStoreError: The folder holds symbolic links.
    """
    return hash_files(path, files_of(path)) if path.is_dir() else hash_file(path)


def _drop_docstring(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module,
) -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        is_text = isinstance(first.value.value, str)
        node.body = (node.body[1:] or [ast.Pass()]) if is_text else node.body
