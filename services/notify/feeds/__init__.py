"""Subscriptions: which organisation gets which events, through which channel, without a gap."""
