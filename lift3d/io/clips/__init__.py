"""Lifted clips as they are kept: arrays, rows of many clips, tidy tables."""
