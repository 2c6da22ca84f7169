"""A page of the documentation as a script: its commands, and what it says that they answer."""

import os
import re
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

_BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PATIENCE_S = 90.0
_END_S = 40.0


@dataclass(frozen=True)
class Step:
    """One command; `answers` are lines of its output, in which `...` stands for anything."""

    line: int
    command: str
    answers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Chapter:
    """What is below one heading."""

    title: str
    steps: list[Step]


def read(page: str) -> Iterator[Chapter]:
    """The chapters of a page, in order. A `sh` block is one command, `console` holds prompts."""
    headings = list(_HEADING.finditer(page))
    ends = [*(heading.start() for heading in headings[1:]), len(page)]
    for heading, end in zip(headings, ends, strict=True):
        blocks = _BLOCK.finditer(page, heading.end(), end)
        steps = [step for block in blocks for step in _steps(page, block)]
        yield Chapter(heading[1], steps)


def _steps(page: str, block: re.Match[str]) -> Iterator[Step]:
    first = page.count("\n", 0, block.start(2)) + 1
    if block[1] == "sh":
        yield Step(first, block[2])
        return
    step: Step | None = None
    for number, line in enumerate(block[2].splitlines(), first):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line.removeprefix("$ "))
        elif step and step.command.endswith("\\") and not step.answers:
            step = Step(step.line, f"{step.command}\n{line}")
        else:
            assert step, f"line {number}: output before any command"
            step.answers.append(line)
    if step:
        yield step


def is_answered(answer: str, output: str) -> bool:
    """Whether the output holds a line with these words; how far apart they stand is free."""
    pattern = r".*".join(
        r"\s+".join(map(re.escape, part.split())) for part in re.split(r"\.\.\.", answer)
    )
    return any(re.search(pattern, line) for line in output.splitlines())


class Shell:
    """One bash for all commands, with jobs, as a person has it; `walk` checks a step."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._reader, writer = os.pipe()
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=writer,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(writer)
        self.run("set -m -o pipefail")

    def run(self, command: str) -> tuple[int, str]:
        """Types a command: its exit code, and what it wrote."""
        # From a file, so that what reads standard input does not read the next command.
        script = self._directory / ".step"
        script.write_text(f"{command}\n")
        mark = f"end of {script}"
        assert self._bash.stdin is not None
        self._bash.stdin.write(f'. "{script}" < /dev/null; echo "{mark} $?"\n')
        self._bash.stdin.flush()
        ended = re.compile(rf"^{re.escape(mark)} (\d+)\n", re.MULTILINE)
        output = self._read_until(ended)
        # Jobs that end at this moment may have their word after it.
        found = ended.search(output)
        assert found
        return int(found[1]), output[: found.start()]

    def walk(self, step: Step) -> None:
        """Runs a step; fails with its line in the page where it does not do what that says."""
        code, output = self.run(step.command)
        where = f"line {step.line}: $ {step.command}\n{output}"
        assert code == 0, f"{where}\nexit code {code}"
        for answer in step.answers:
            assert is_answered(answer, output), f"{where}\nnowhere: {answer}"

    def close(self) -> None:
        """Ends the shell, and what it started that still runs."""
        assert self._bash.stdin is not None
        try:
            self.run('for job in $(jobs -p); do kill -- "-$job"; done; wait')
        finally:
            self._bash.stdin.close()
            try:
                self._bash.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._bash.send_signal(SIGKILL)
                self._bash.wait()
            os.close(self._reader)

    def _read_until(self, end: re.Pattern[str]) -> str:
        output, deadline = b"", time.monotonic() + _PATIENCE_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while not end.search(text := output.decode(errors="replace")):
                left = deadline - time.monotonic()
                assert left > 0, f"a command goes on and on: {text}"
                if selector.select(left):
                    read = os.read(self._reader, 65536)
                    assert read, f"the shell has ended: {text}"
                    output += read
        return text
