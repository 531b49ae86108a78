"""Responsibility (责任): the persons who answer for an organisation, from a day on."""
