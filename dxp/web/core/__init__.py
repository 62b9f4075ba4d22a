"""The core's own addresses: events, the customer's summary, the demo's day, health, pages."""
