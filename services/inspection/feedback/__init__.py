"""Feedback of an inspection (反馈意见): its aspects, their items, and the problems behind them."""
