"""Selection as a plugin: which content a customer sees, and why."""
