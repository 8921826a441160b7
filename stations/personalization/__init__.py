"""Personalization: blanks and orders become documents, by jobs that survive any crash."""
