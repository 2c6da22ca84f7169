"""Headline figures, each beside the bare limit that was measured in the same run.

    make bench                          all figures, one table, about ten minutes
    python -m bench create_run list_runs    some of them
    python -m bench --quick             a smoke run: every figure for a blink
    python -m bench --large             with a million runs and a thousand workspaces, an hour
    python -m bench.create_run          one script alone

One script for each figure. It starts the real servers as processes of their own (mutual TLS,
tokens, a policy, the default settings but for rate and stream limits, which would measure
themselves), drives them from this process on uvloop, and drives a *bare* server in the same
way, turn by turn: the same protobuf messages over the same TLS, answered by a servicer that
keeps nothing (`bench/bare.py`) but is tuned like ours. Ours and bare take turns for a slice
each, and the turn whose ratio is the median is shown, so that a noisy neighbour hits both.

Absolute figures belong to a machine; ratios travel. `cpu` columns are the server's own CPU
time per unit of work, which contention inflates least. A figure's target is printed beside
it, and `bench/reached.py` bounds what is reached where the target is not; nothing here fails a
build. Where the turns contradict each other, the figure is VOID: it says nothing. So the limit is
held to no figure of another machine (rulings.md, 33, asks for that), where it would be void for a
faster clock alone. docs/performance.md tells what the figures mean and where they end.
"""

import os

# Children are started while channels are open; they exec at once, so gRPC need not prepare.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

# Before gRPC: it decides the TLS version for the whole process when it is first imported.
import meshkit as meshkit
