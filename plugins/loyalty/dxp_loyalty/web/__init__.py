"""What the plugin serves."""
