"""A plugin for the tests of jobs: bells ring, and a subscriber keeps the tally."""
