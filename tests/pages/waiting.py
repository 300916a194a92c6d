"""Waiting for background jobs: a busy machine is no error."""

import time

PATIENCE = 60.0  # seconds


def until(app, true, what):
    """Draw the page again until something is true of it."""
    deadline = time.monotonic() + PATIENCE
    while not true(app):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen; the page says {[e.value for e in [*app.error, *app.markdown]][:20]}")
        time.sleep(0.05)
        app.run()
    return app


def settled(app):
    """Draw the page again until no job keeps it waiting."""
    return until(app, lambda page: not any("progress_activity" in m.value for m in page.markdown), "the end of all jobs")
