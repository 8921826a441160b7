"""Mailing: parcels are weighed, numbered and handed to the carrier, who accepts with a count."""
