"""Allocations: money allotted to a region, made public before it may be spent (F-22, F-30)."""
