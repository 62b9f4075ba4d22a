"""Services: the only writers. They take a session first and know no request."""
