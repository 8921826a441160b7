"""The gate of the core area: a recognised person of the shift, an air shower, and who is inside."""
