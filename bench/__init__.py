"""Measurements: how fast dxp is, as a share of what the database itself can do."""
