"""What is reached where a target is not, and what a change must therefore not fall below.

docs/performance.md has the same rows, with the reason why each target ends where it does. A bound
leaves a quarter to the weather: two cores that others use too, and a disk that is not ours. Shares
of the limit hold from machine to machine; what is absolute is said of the one that it was read on.
"""

from bench.figures import Target, at_least, at_most, stay_below

REACHED: dict[str, Target] = {
    "create run, sqlite FULL": at_least(0.17),
    "create run, sqlite NORMAL": at_least(0.17),
    "create run, postgresql": at_least(0.17),
    "report status, sqlite FULL": at_least(0.14),
    "report status, sqlite NORMAL": at_least(0.2),
    "report status, postgresql": at_least(0.12),
    "watch fan-out to 1": at_least(0.2),
    "watch fan-out to 100": at_least(0.37),
    "watch fan-out to 100, without the changes": at_least(0.44),
    "change to watcher p50, 1 watching": at_most(3.2),
    "change to watcher p99, 1 watching": at_most(3.2),
    "change to watcher p50, 100 watching": at_most(2.6),
    "change to watcher p99, 100 watching": at_most(3.2),
    "change to watcher p50, 1000 watching": at_most(2.0),
    "17-call unit, streamed, sqlite FULL": at_least(0.12),
    "17-call unit, streamed, postgresql": at_least(0.11),
    "17-call unit, unary, sqlite FULL": at_least(0.12),
    "17-call unit, unary, postgresql": at_least(0.07),
    "memory, idle": stay_below(140),
    "embedded mesh, cold to healthy": at_most(4.5),
}
