"""What all screens do: a line above that says how true they are, and actions on a run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from weft._ui.calls import Calls, beside
from weft._ui.parts import Keys, Question, mark

if TYPE_CHECKING:
    from weft._ui.watch import Watch

REDRAW_S = 0.5
# Gets the key that was pressed; answers what to say.
Call = Callable[[str], str]


class Looking(Screen[None]):
    """A screen that follows a stream; `head` is the line above it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("question_mark", "keys", "Keys"),
        ("q", "app.quit", "Quit"),
    ]
    KEYS: ClassVar[Sequence[tuple[str, str]]] = ()
    AUTO_FOCUS = "Table, RichLog"

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self.calls = calls
        self.head = Static(classes="head")
        self._truth = ("", "")
        self._watch: Watch[Any] | None = None

    @abstractmethod
    def title_text(self) -> Text:
        """What the screen is about."""

    def follow(self, watch: Watch[Any]) -> None:
        """Follows another stream from now on."""
        if self._watch is not None:
            self._watch.stop()
        self._watch = watch
        self.tell("", "")
        watch.start()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if self._watch is not None:
            self._watch.stop()

    def tell(self, state: str, why: str) -> None:
        """Says how true the screen is."""
        self._truth = (state, why)
        self.draw_head()

    def draw_head(self) -> None:
        """Draws the line above."""
        # First, so that no long name pushes it out of sight.
        self.head.update(Text.assemble(mark(*self._truth), "   ", self.title_text()))

    def action_keys(self) -> None:
        """Shows the keys."""
        self.app.push_screen(Keys((*self.KEYS, ("?", "these keys"), ("q", "quit"))))


class OfRuns(Looking):
    """A screen with a run that is acted on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("c", "stop", "Stop"),
        ("r", "retry", "Retry"),
        ("o", "page", "Page"),
    ]

    @abstractmethod
    def chosen_run(self) -> str:
        """The name of the run that is acted on; "" where there is none."""

    def action_stop(self) -> None:
        """Asks how, and stops the run."""
        if run := self.chosen_run():
            answers = {"y": "yes, and let what runs finish", "f": "yes, and cancel what runs"}
            self._ask(f"Stop {_id(run)}?", answers, lambda key: self.calls.stop(run, key == "f"))

    def action_retry(self) -> None:
        """Asks, and runs it again from where it failed."""
        if run := self.chosen_run():
            question = f"Run {_id(run)} again from where it failed?"
            self._ask(question, {"y": "yes"}, lambda _: self.calls.retry(run))

    def action_page(self) -> None:
        """Opens the run in the dashboard, and says where that is."""
        run = self.chosen_run()
        page = self.calls.page_of(run) if run else ""
        if page:
            self.app.open_url(page)
        self.notify(page or "no dashboard is known here", markup=False)

    def _ask(self, question: str, answers: Mapping[str, str], call: Call) -> None:
        def answered(key: str | None) -> None:
            if key:
                beside(self.app, lambda: call(key))

        self.app.push_screen(Question(question, answers), answered)


def _id(name: str) -> str:
    return name.rpartition("/")[2]
