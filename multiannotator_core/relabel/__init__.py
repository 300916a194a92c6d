"""Which labels to buy next, and from whom: a plan under a budget, and what it is expected to bring."""

from .gains import expected_gains
from .planning import MOST_PER_EXAMPLE, Expected, Plan, plan
from .trust import Trust, trust_in

__all__ = ["MOST_PER_EXAMPLE", "Expected", "Plan", "Trust", "expected_gains", "plan", "trust_in"]
