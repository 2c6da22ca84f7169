"""PyTorch tensors, state dicts and modules, as safetensors: reading them runs no code of theirs."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weft import _json
from weft._materializers.base import Materializer, Saved
from weft.errors import MaterializerError

_FILE, _MODULE = "data.safetensors", "module.json"
_ONE = "tensor"
_SHOWN = 100
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")


class TensorMaterializer(Materializer):
    """One tensor, without its gradients; it loads on the processor."""

    name = "torch.tensor"
    libraries = ("torch", "safetensors")

    def accepts(self, value: Any) -> bool:
        """Whether it is a plain, dense tensor with values."""
        return _is_plain(value) and _is_installed()

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.safetensors`."""
        _write({_ONE: value}, directory)
        return Saved("safetensors", _shape(value))

    def load(self, directory: Path) -> Any:
        """Read the tensor."""
        return _read(directory)[_ONE]


class StateMaterializer(Materializer):
    """A dict of tensors by name, as `module.state_dict()` gives it."""

    name = "torch.state"
    libraries = ("torch", "safetensors")

    def accepts(self, value: Any) -> bool:
        """Whether all keys are texts and all values plain tensors."""
        return (
            bool(value)
            and all(type(key) is str and _is_plain(item) for key, item in value.items())
            and _is_installed()
        )

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.safetensors`."""
        _write(value, directory)
        return Saved("safetensors", *_described(value), type="MODEL")

    def load(self, directory: Path) -> Any:
        """Read the tensors in the order that they had."""
        return _read(directory)


class ModuleMaterializer(Materializer):
    """A module that can be made again from what it says of itself: its state, and how to make it.

    The arguments of each class are its attributes of the same names, as in scikit-learn; one that
    is not made equal again so (hooks, other attributes, another structure) is not accepted. The
    classes must be loaded where it is read.
    """

    name = "torch.module"
    libraries = ("torch", "safetensors")

    def accepts(self, value: Any) -> bool:
        """Whether the module made again from its description is the same but for its state."""
        if not _is_installed() or not all(map(_is_plain, value.state_dict().values())):
            return False
        import torch

        try:
            with _quiet(), torch.device("meta"):
                again = _make(_description(value))
            return _is_alike(value, again)
        except Exception:  # noqa: BLE001 - the module's own __init__ may raise anything
            return False

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.safetensors` and `module.json`."""
        state = value.state_dict()
        _write(state, directory)
        described = _description(value)
        document = {
            "module": described,
            "training": [name for name, part in value.named_modules() if part.training],
            "frozen": [name for name, part in value.named_parameters() if not part.requires_grad],
        }
        (directory / _MODULE).write_text(json.dumps(document), encoding="utf-8")
        schema, statistics = _described(state)
        return Saved(
            "safetensors",
            {"class": described["class"], **schema},
            statistics,
            type="MODEL",
        )

    def load(self, directory: Path) -> Any:
        """Make the module, and give it its state.

        Raises:
            MaterializerError: A class is not loaded here, or is no module.
        """
        document = json.loads((directory / _MODULE).read_text(encoding="utf-8"))
        try:
            with _quiet():
                module = _make(document["module"])
        except _json.NotPlainError as error:
            raise MaterializerError(str(error)) from None
        module.load_state_dict(_read(directory), strict=True)
        training, frozen = set(document["training"]), set(document["frozen"])
        for name, part in module.named_modules():
            part.training = name in training
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name not in frozen)
        return module


def _is_installed() -> bool:
    return importlib.util.find_spec("safetensors") is not None


def _is_plain(value: Any) -> bool:
    import torch

    kinds = (torch.Tensor, torch.nn.Parameter)
    if type(value) not in kinds or value.is_quantized or value.is_complex():
        return False
    return value.layout is torch.strided and value.device.type != "meta"


def _write(tensors: Mapping[str, Any], directory: Path) -> None:
    from safetensors.torch import save_file

    seen: set[int] = set()
    whole = {name: _whole(tensor, seen) for name, tensor in tensors.items()}
    save_file(whole, str(directory / _FILE), metadata={"names": json.dumps([*tensors])})


def _whole(tensor: Any, seen: set[int]) -> Any:
    """The tensor with memory of its own, which the format asks for; most have that already."""
    own = tensor.detach().cpu().contiguous()
    storage = own.untyped_storage()
    is_shared = storage.data_ptr() in seen or storage.nbytes() != own.nbytes
    seen.add(storage.data_ptr())
    return own.clone() if is_shared else own


def _read(directory: Path) -> dict[str, Any]:
    from safetensors import safe_open
    from safetensors.torch import load_file

    path = str(directory / _FILE)
    found = load_file(path)
    with safe_open(path, framework="pt") as opened:
        names = json.loads(opened.metadata()["names"])
    # Cloned: what is read may be mapped from a file that vanishes, or is the store's own.
    return {name: found[name].clone() for name in names}


def _described(state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    shown = {name: _shape(tensor) for name, tensor in list(state.items())[:_SHOWN]}
    numbers = sum(tensor.numel() for tensor in state.values())
    return {"tensors": shown}, {"tensors": len(state), "parameters": numbers}


def _shape(tensor: Any) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}


@contextmanager
def _quiet() -> Iterator[None]:
    """Modules that are made draw random numbers, which are the user's to draw."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield


def _description(module: Any) -> dict[str, Any]:
    """How to make a module: its class, arguments, and the parts of those that are made empty.

    Raises:
        ValueError: It takes arguments that cannot be told from what it is.
    """
    import torch

    kind = type(module)
    said: dict[str, Any] = {"class": _json.remember(kind)}
    if kind in {torch.nn.Sequential, torch.nn.ModuleList, torch.nn.ModuleDict}:
        parts = [[name, _description(part)] for name, part in module.named_children()]
        return {**said, "parts": parts}
    given = {}
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise ValueError(f"{kind.__name__} takes any arguments")
        if hasattr(module, parameter.name):
            given[parameter.name] = _argument(getattr(module, parameter.name), parameter)
        elif parameter.default is parameter.empty:
            raise ValueError(f"{kind.__name__} keeps no {parameter.name}")
    return {**said, "arguments": given}


def _argument(value: Any, parameter: inspect.Parameter) -> dict[str, Any]:
    import torch

    if isinstance(value, torch.nn.Module):
        return {"module": _description(value)}
    # Layers keep what a flag has made, such as `bias`, under the name of the flag.
    if isinstance(parameter.default, bool) and (value is None or isinstance(value, torch.Tensor)):
        return {"value": value is not None}
    return {"value": _json.encode(value)}


def _make(said: Mapping[str, Any]) -> Any:
    """Make a module; only classes of modules that are loaded here are called."""
    import torch

    kind = _json.resolve(said["class"])
    if not issubclass(kind, torch.nn.Module):
        raise _json.NotPlainError(f"{said['class']} is no module here")
    if "parts" not in said:
        return kind(**{name: _given(argument) for name, argument in said["arguments"].items()})
    module = kind()
    for name, part in said["parts"]:
        module.add_module(name, _make(part))
    return module


def _given(argument: Mapping[str, Any]) -> Any:
    if "module" in argument:
        return _make(argument["module"])
    return _json.decode(argument["value"])


def _is_alike(module: Any, again: Any) -> bool:
    """Whether two modules differ in nothing but the values of their state."""
    parts, others = dict(module.named_modules()), dict(again.named_modules())
    if repr(module) != repr(again) or parts.keys() != others.keys():
        return False
    state, other = module.state_dict(), again.state_dict()
    if {n: _shape(t) for n, t in state.items()} != {n: _shape(t) for n, t in other.items()}:
        return False
    return all(_has_same_attributes(part, others[name]) for name, part in parts.items())


def _has_same_attributes(part: Any, other: Any) -> bool:
    if type(part) is not type(other) or any(getattr(part, name, None) for name in _HOOKS):
        return False
    own, its = _public(part), _public(other)
    return own.keys() == its.keys() and all(bool(own[name] == its[name]) for name in own)


def _public(part: Any) -> dict[str, Any]:
    """What a module holds beside parameters, buffers and parts; whether it trains is its state."""
    return {k: v for k, v in vars(part).items() if not k.startswith("_") and k != "training"}
