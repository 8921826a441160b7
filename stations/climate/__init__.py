"""The room's climate: its limits by zone, its readings, and the suspension of what must not work in it."""
