"""The command line: everything that the app can do, for a pipeline.

Exit codes: 0 done, 1 stopped (by the user, by a reader that closed the pipe, or by a fault of ours), 2 it cannot be done as asked.
"""

from __future__ import annotations

from .commands import cli
from .further import datasets_group, relabel_command, report_command, study_command

for _command in (relabel_command, report_command, datasets_group, study_command):
    cli.add_command(_command)

__all__ = ["cli"]
