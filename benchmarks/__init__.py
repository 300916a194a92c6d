"""Measurements against peers and limits; each script prints what it measured."""
