"""Slow, obviously right: what further labels are expected to bring."""

import itertools


def expected_gain(posterior, confusion, m):
    """Try everything that m annotators may say of one example."""
    classes = range(len(posterior))
    right = 0.0
    for said in itertools.product(classes, repeat=m):
        chances = []
        for t in classes:
            chance = posterior[t]
            for given in said:
                chance *= confusion[t][given]
            chances.append(chance)
        right += max(chances)
    return right - max(posterior)
