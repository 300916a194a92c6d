"""The command line: `python -m multiannotator_core`, the same as `crowdlens`."""

from multiannotator_core.cli import cli

if __name__ == "__main__":
    cli(prog_name="crowdlens")
