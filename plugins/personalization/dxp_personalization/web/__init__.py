"""The plugin's API and admin pages."""
