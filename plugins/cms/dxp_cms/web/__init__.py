"""The plugin's share of the JSON API and of the admin."""
