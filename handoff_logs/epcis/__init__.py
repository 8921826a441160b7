"""The log as EPCIS 2.0 (GS1's standard for who had what, where, when and why): an export and a read-only query view."""
