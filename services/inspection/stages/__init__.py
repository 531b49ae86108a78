"""Stages of campaigns (阶段): what must be done to leave one, and the papers made on the way."""
