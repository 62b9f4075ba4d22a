"""Customers: profiles, consents and a timeline of everything that happened."""
