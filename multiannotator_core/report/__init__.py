"""The audit as one page to hand on: `audit_report` gives self-contained HTML that opens offline and prints."""

from .document import audit_report

__all__ = ["audit_report"]
