"""Finds a Chromium: `python -m tests.browser.chromium` prints its path, or fails."""

import shutil
import sys


def find() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


if __name__ == "__main__":
    sys.exit(0 if find() else 1)
