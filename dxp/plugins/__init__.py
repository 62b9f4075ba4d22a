"""The plugin machinery."""
