"""Content as a plugin: typed articles and pages, drafted, versioned and published."""
