"""PyTorch's values come back equal from safetensors, and what would not is pickled and flagged.

PyTorch is too large to install for these alone: they run after `make torch`, and in CI.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from weft._materializers import registry
from weft._records import ArtifactVersion
from weft._store import LocalStore, Place
from weft._values import load_value, save_value
from weft.errors import MaterializerError, PickleRefusedError

try:
    import torch
except ImportError:
    if os.environ.get("CI") == "true":
        raise
    pytest.skip("needs PyTorch: run `make torch`", allow_module_level=True)

nn = torch.nn
PLACE = Place("default", "run", "step", 1, "output")


class Block(nn.Module):
    """Keeps what it is made with."""

    def __init__(self, size: int, depth: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.size, self.depth = size, depth
        self.layers = nn.ModuleList(nn.Linear(size, size, bias=False) for _ in range(depth))
        self.drop = nn.Dropout(dropout)
        self.register_buffer("steps", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("scale", torch.full((1,), 2.0), persistent=False)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = self.drop(layer(x)) * self.scale
        return x


class Tied(nn.Module):
    """Two names for the same weights."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.one = nn.Linear(size, size)
        self.two = nn.Linear(size, size)
        self.two.weight = self.one.weight

    def forward(self, x: Any) -> Any:
        return self.two(self.one(x))


class Wrapper(nn.Module):
    """Is made of another one."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(x)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "artifacts")


def kept(store: LocalStore, value: Any) -> tuple[ArtifactVersion, Any]:
    version = save_value(store, PLACE, value, allow_pickle=False)
    assert (version.format, version.is_pickled) == ("safetensors", False)
    assert {"python", "torch", "safetensors"} <= set(version.libraries)
    return version, load_value(store, version, allow_pickle=False)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).reshape(2, 3),
        torch.tensor(1.5),
        torch.zeros(0, 3, dtype=torch.bfloat16),
        torch.arange(12.0).reshape(3, 4).T[1:],
        torch.tensor([True, False]),
        torch.ones(2, requires_grad=True) * 2,
    ],
)
def test_a_tensor_keeps_shape_type_and_values(store: LocalStore, tensor: Any) -> None:
    version, back = kept(store, tensor)
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)
    assert version.schema["shape"] == list(tensor.shape)


def test_a_state_dict_keeps_its_order_and_what_is_shared(store: LocalStore) -> None:
    state = Tied(3).state_dict()
    version, back = kept(store, state)
    assert list(back) == list(state)
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
    assert (version.type, version.statistics["tensors"]) == ("MODEL", 4)


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(3, 3, bias=False),
        nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3)),
        nn.BatchNorm1d(3, eps=0.1),
        Block(3, depth=3),
        Tied(3),
        Wrapper(Block(3)),
    ],
)
def test_a_module_is_made_again(store: LocalStore, module: Any) -> None:
    module.eval()
    drawn = torch.random.get_rng_state()
    version, back = kept(store, module)
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert type(back) is type(module)
    assert version.type == "MODEL"
    with torch.no_grad():
        x = torch.ones(2, 3)
        assert torch.equal(back(x), module(x))


def test_what_trains_and_what_is_frozen_stays_so(store: LocalStore) -> None:
    module = Wrapper(Block(3))
    module.inner.drop.eval()
    module.inner.layers[0].weight.requires_grad_(False)
    _, back = kept(store, module)
    assert (back.training, back.inner.drop.training) == (True, False)
    assert [p.requires_grad for p in back.parameters()] == [False, True]


class Forgetful(nn.Module):
    """Does not keep what it was made with."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(size, size)


def hooked() -> Any:
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda *_: None)
    return module


def changed() -> Any:
    module = Block(2)
    module.depth = 7
    return module


@pytest.mark.parametrize(
    "make",
    [
        lambda: Forgetful(2),
        hooked,
        changed,
        # Its dropout is nowhere to be found, and not the default.
        lambda: Block(2, dropout=0.7),
        lambda: torch.ones(2, 2).to_sparse(),
        lambda: {"a": torch.ones(1), 2: torch.ones(1)},
    ],
)
def test_what_would_not_come_back_equal_is_no_silent_pickle(store: LocalStore, make: Any) -> None:
    with pytest.raises(PickleRefusedError):
        kept(store, make())


def test_a_class_that_is_not_loaded_is_not_imported(store: LocalStore, tmp_path: Path) -> None:
    materializer = registry.built_in("tensors:ModuleMaterializer")
    materializer.save(nn.Linear(1, 1), tmp_path)
    file = tmp_path / "module.json"
    text = file.read_text()
    for name, says in (("elsewhere:Net", "is not loaded here"), ("pathlib:Path", "is no module")):
        file.write_text(text.replace("torch.nn.modules.linear:Linear", name))
        with pytest.raises(MaterializerError, match=says):
            materializer.load(tmp_path)
