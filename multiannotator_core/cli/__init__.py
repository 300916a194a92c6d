"""The command line: everything that the app can do, for a pipeline.

Exit codes: 0 done, 1 stopped (by the user, by a reader that closed the pipe, or by a fault of ours), 2 it cannot be done as asked.
"""

from __future__ import annotations

from .benchmarks import benchmark_command
from .commands import cli
from .datasets import datasets_group
from .further import relabel_command, report_command
from .options import add_threads
from .studies import active_learning_command, quality_command
from .training import train_command

for _command in (
    benchmark_command,
    quality_command,
    active_learning_command,
    relabel_command,
    report_command,
    train_command,
    datasets_group,
):
    cli.add_command(_command)

for _name, _command in cli.commands.items():
    if _name not in ("app", "datasets"):  # they compute nothing
        add_threads(_command)

__all__ = ["cli"]
