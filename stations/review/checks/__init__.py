"""The automatic checks, a module for each group of items; `stations.review.rules` joins them by item."""
