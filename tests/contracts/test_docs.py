"""What the documents say is so: commands, targets and links exist, generated pages are current."""

import importlib
import importlib.util
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from weft.cli import weft

ROOT = Path(__file__).parents[2]
TRACKED = [
    Path(name)
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
PAGES = [path for path in TRACKED if path.suffix == ".md"]
# Written in code quotes or after a prompt: `weft runs list`, "$ weft up", "$ A=b weft up".
QUOTED = re.compile(r"`([^`\n]+)`|^\$ (.+?)(?:  +#.*)?$", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Paths of one machine, and hosts that packages or images come from.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|root)/"
    r"|\bpypi\.org|\bpythonhosted\.org|\bregistry\.npmjs\.org"
    r"|\bartifactory\b|\bghcr\.io|\bquay\.io|\bdocker\.io"
)


def _quoted(page: Path) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [inline or shell for inline, shell in QUOTED.findall(text)]


def _commands(program: str) -> list[tuple[Path, list[str]]]:
    """Every quoted call of a program, with the page that quotes it."""
    found = []
    for page in PAGES:
        for line in _quoted(page):
            for part in re.split(r"[|;]|&&|\$\(", line):
                words = part.strip().split()
                while words and "=" in words[0]:
                    words = words[1:]
                if words and words[0] == program:
                    found.append((page, words[1:]))
    return found


def _weft_problem(words: list[str]) -> str:
    """What is wrong with a call of `weft`; empty where it exists."""
    command: click.Command = weft
    rest = list(words)
    while rest and isinstance(command, click.Group):
        if rest[0].startswith("-"):
            break
        name = rest.pop(0)
        found = command.get_command(click.Context(command), name)
        if found is None:
            return f"there is no `{name}`"
        command = found
    known = {option for each in command.params for option in each.opts} | {"-h", "--help"}
    takes_any = command.context_settings.get("ignore_unknown_options", False)
    options = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    unknown = [option for option in options if option not in known and not takes_any]
    return f"it has no {', '.join(unknown)}" if unknown else ""


def test_there_is_something_to_check():
    assert len(_commands("weft")) > 20
    assert len(_commands("make")) > 5


def test_every_quoted_weft_command_exists():
    calls = [(page, words) for page, words in _commands("weft")]
    wrong = [f"{page}: weft {' '.join(w)}: {p}" for page, w in calls if (p := _weft_problem(w))]
    assert wrong == []


@pytest.mark.parametrize("words", ["nonsense", "runs nonsense", "runs list --nonsense"])
def test_a_command_that_does_not_exist_is_seen(words):
    assert _weft_problem(shlex.split(words))


def test_every_quoted_make_target_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = [(page, word) for page, words in _commands("make") for word in words[:1]]
    assert [f"{page}: make {word}" for page, word in named if word not in targets] == []


def test_every_make_target_has_a_help_text():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    helped = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert set(phony[1].split()) == helped


def test_generated_pages_are_current():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [
        name
        for name, page in module.PAGES.items()
        if (ROOT / "docs" / name).read_text(encoding="utf-8") != page()
    ]
    assert stale == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_resolves(page):
    targets = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if "://" not in target and not ((ROOT / page).parent / target.partition("#")[0]).exists()
    ]
    assert missing == []


def test_every_quoted_path_of_the_repository_exists():
    roots = {path.parts[0] for path in TRACKED if len(path.parts) > 1}
    missing = [
        f"{page}: {line}"
        for page in PAGES
        for line in _quoted(page)
        if re.fullmatch(r"[\w.]+/[\w./-]+", line)
        and line.split("/")[0] in roots
        and not (ROOT / line).exists()
    ]
    assert missing == []


def test_no_tracked_file_names_this_machine_or_a_package_host():
    wrong = []
    for path in TRACKED:
        if path == Path(__file__).relative_to(ROOT):
            continue
        text = (ROOT / path).read_bytes().decode("utf-8", "replace")
        wrong += [f"{path}: {match[0]}" for match in FOREIGN.finditer(text)]
    assert wrong == []


def test_the_error_page_holds_every_reason():
    errors_pb2 = importlib.import_module("weftapi.common.v1.errors_pb2")
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    names = [value.name for value in errors_pb2.ErrorReason.DESCRIPTOR.values]
    reasons = [name.removeprefix("ERROR_REASON_") for name in names[1:]]
    assert [reason for reason in reasons if f"| `{reason}` |" not in page] == []


def test_the_fake_cluster_allows_what_operators_are_told_to_allow() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    told = "---\n".join(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    packaged = (ROOT / "meshtest/kubernetes/operators.yaml").read_text(encoding="utf-8")
    assert packaged.partition("\n")[2] == told
