"""Accepted artwork becomes what imposition places: one page with its bleed, and nothing in it but what prints."""
