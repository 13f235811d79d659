"""Measurements of finews; ``make bench`` runs them all and prints one table."""
