"""Loyalty as a plugin: a points ledger, rules that earn, gifts and rewards."""
